package awsjson_test

import (
	"encoding/json"
	"errors"
	"math"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/hikyaku/hikyaku/awsjson"
)

type status string

type inner struct {
	Name *string
	Size int64 `json:"size"`
}

type embedded struct{ Promoted string }

type outer struct {
	embedded
	Text     string
	Pointer  *string
	Status   status
	Number   int64
	Float    float64
	Flag     bool
	Blob     []byte
	When     time.Time
	WhenPtr  *time.Time
	List     []inner
	Map      map[string]inner
	Nested   *inner
	Any      any
	Optional int `json:"optional,omitempty"`
	Hidden   int `json:"-"`
	private  int
}

func TestEncode(t *testing.T) {
	t.Parallel()
	text, at := "a<b>\u2028\"é", time.UnixMilli(1700000000123)
	empty := ""
	tests := map[string]struct {
		value any
		want  string
	}{
		"nil":           {nil, `{}`},
		"nil pointer":   {(*outer)(nil), `{}`},
		"absent":        {outer{private: 1, Hidden: 1}, `{"Number":0,"Float":0,"Flag":false}`},
		"empty string":  {&inner{Name: &empty}, `{"Name":"","size":0}`},
		"empty lists":   {struct{ A, B []string }{A: []string{}}, `{"A":[]}`},
		"whole seconds": {struct{ At time.Time }{time.Unix(1700000000, 0)}, `{"At":1700000000}`},
		"raw":           {struct{ R json.RawMessage }{json.RawMessage(`[1]`)}, `{"R":[1]}`},
		"full": {&outer{
			embedded: embedded{"p"}, Text: text, Pointer: &text, Status: "UP", Number: math.MaxInt64, Float: 1.5, Flag: true, Blob: []byte{0, 255},
			When: at, WhenPtr: &at, List: []inner{{Size: 1}}, Map: map[string]inner{"k": {Size: 2}}, Nested: &inner{Size: 3},
			Any: map[string]any{"x": []int{1}}, Optional: 7,
		}, `{"Promoted":"p","Text":` + quoted(t, text) + `,"Pointer":` + quoted(t, text) + `,"Status":"UP","Number":9223372036854775807,"Float":1.5,"Flag":true,` +
			`"Blob":"AP8=","When":1700000000.123,"WhenPtr":1700000000.123,"List":[{"size":1}],"Map":{"k":{"size":2}},"Nested":{"size":3},"Any":{"x":[1]},"optional":7}`},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got, err := awsjson.Encode(test.value)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(test.want, string(got)); diff != "" {
				t.Errorf("JSON (-want +got):\n%s", diff)
			}
			if !json.Valid(got) {
				t.Errorf("not valid JSON: %s", got)
			}
		})
	}
}

func quoted(tb testing.TB, s string) string {
	tb.Helper()
	b, err := json.Marshal(s)
	if err != nil {
		tb.Fatal(err)
	}
	return string(b)
}

func TestEncode_Refused(t *testing.T) {
	t.Parallel()
	type loop struct{ Next *loop }
	cyclic := &loop{}
	cyclic.Next = cyclic
	for name, v := range map[string]any{
		"NaN": struct{ F float64 }{math.NaN()}, "int keys": map[int]string{1: "a"}, "channel": struct{ C chan int }{make(chan int)}, "cycle": cyclic,
	} {
		if got, err := awsjson.Encode(v); err == nil {
			t.Errorf("%s: got %s, want an error", name, got)
		}
	}
}

type input struct {
	QueueName  string
	Max        *int
	Attributes map[string]string
	Entries    []struct{ ID string }
	Blob       []byte
}

func TestDecode(t *testing.T) {
	t.Parallel()
	five := 5
	tests := map[string]struct {
		body string
		want input
	}{
		"empty":           {"", input{}},
		"space":           {" \n", input{}},
		"unknown members": {`{"QueueName":"q","Other":{"deep":[1]}}`, input{QueueName: "q"}},
		"nulls":           {`{"QueueName":null,"Max":null,"Attributes":null}`, input{}},
		"values":          {`{"Max":5,"Attributes":{"a":"b"},"Blob":"AP8="}`, input{Max: &five, Attributes: map[string]string{"a": "b"}, Blob: []byte{0, 255}}},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var got input
			if err := awsjson.Decode([]byte(test.body), &got); err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(test.want, got); diff != "" {
				t.Errorf("input (-want +got):\n%s", diff)
			}
		})
	}
}

func TestDecode_Refused(t *testing.T) {
	t.Parallel()
	for name, body := range map[string]string{
		"string for number": `{"Max":"5"}`, "fraction": `{"Max":5.5}`, "number for string": `{"QueueName":5}`, "list for map": `{"Attributes":[]}`,
		"array": `[]`, "string": `"x"`, "cut off": `{"Max":`, "trailing": `{} {}`, "not UTF-8": "{\"QueueName\":\"\xff\"}", "not base64": `{"Blob":"*"}`,
		"deep": `{"x":` + strings.Repeat("[", 20000) + `}`,
	} {
		err := awsjson.Decode([]byte(body), &input{})
		e, ok := errors.AsType[*awsjson.Error](err)
		if !ok || e.Type != "SerializationException" {
			t.Errorf("%s: got %v, want a SerializationException", name, err)
		}
		if ok && strings.Contains(e.Message, "Go ") {
			t.Errorf("%s: the message speaks Go: %s", name, e.Message)
		}
	}
}

func FuzzDecode(f *testing.F) {
	f.Add([]byte(`{"QueueName":"q","Max":5,"Attributes":{"a":"b"},"Entries":[{"ID":"x"}],"Blob":"AP8="}`))
	f.Add([]byte(`{"Max":1e400}`))
	f.Add([]byte("\x00{}"))
	f.Fuzz(func(t *testing.T, body []byte) {
		var in input
		if err := awsjson.Decode(body, &in); err != nil {
			if _, ok := errors.AsType[*awsjson.Error](err); !ok {
				t.Fatalf("got error %T, want an awsjson error", err)
			}
			return
		}
		// What was understood can be sent, and means the same.
		sent, err := awsjson.Encode(in)
		if err != nil || !json.Valid(sent) {
			t.Fatalf("encode %+v: %s, %v", in, sent, err)
		}
		var again input
		if err := awsjson.Decode(sent, &again); err != nil {
			t.Fatalf("decode %s: %v", sent, err)
		}
		if again.QueueName != in.QueueName || (in.Max != nil) != (again.Max != nil) || len(again.Entries) != len(in.Entries) {
			t.Fatalf("got %+v, want %+v", again, in)
		}
	})
}
