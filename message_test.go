package hikyaku_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"

	"github.com/hikyaku/hikyaku"
)

const s3Record = `{"eventVersion":"2.1","eventSource":"aws:s3","eventName":"%s","s3":{"bucket":{"name":"outbox"},"object":{"key":"%s","size":3}}}`

func records(pairs ...string) string {
	var list []string
	for pair := range slices.Chunk(pairs, 2) {
		list = append(list, fmt.Sprintf(s3Record, pair[0], pair[1]))
	}
	return `{"Records":[` + strings.Join(list, ",") + `]}`
}

func object(key string) hikyaku.Request {
	return hikyaku.Request{Object: &hikyaku.Object{Bucket: "outbox", Key: key}}
}

func TestParseBody(t *testing.T) {
	t.Parallel()
	id := func(s string) []hikyaku.Request { return []hikyaku.Request{{ID: s}} }
	const eventBridge = `{"version":"0","id":"x","detail-type":"%s","source":"%s","detail":{"bucket":{"name":"outbox"},"object":{"key":"%s"}}}`
	sns := func(message string) string {
		return fmt.Sprintf(`{"Type":"Notification","TopicArn":"arn:aws:sns:us-east-1:111122223333:t","MessageId":"1","Message":%q}`, message)
	}
	for name, tc := range map[string]struct {
		body string
		want []hikyaku.Request
		code string
	}{
		"bare id":                 {body: "A-123", want: id("A-123")},
		"trimmed":                 {body: " \tA-123\r\n", want: id("A-123")},
		"spaces inside":           {body: "A 123", want: id("A 123")},
		"leading dash":            {body: "--force", want: id("--force")},
		"percent is not decoded":  {body: "a%2Fb+c", want: id("a%2Fb+c")},
		"number":                  {body: "12345", want: id("12345")},
		"JSON string":             {body: `"A-123"`, want: id("A-123")},
		"JSON string with escape": {body: `"caf\u00e9"`, want: id("café")},
		"broken JSON string":      {body: `"A`, want: id(`"A`)},
		"emoji":                   {body: "📦-1", want: id("📦-1")},
		"object":                  {body: `{"id":"A"}`, want: id("A")},
		"whole object": {
			body: `{"id":"A","route":"r","key":"k","paths":["x","y/z"],"metadata":{"a":"1","n":2},"extra":[1,{"b":null}],"flag":true}`,
			want: []hikyaku.Request{{
				ID: "A", Route: "r", Key: "k", Paths: []string{"x", "y/z"},
				Metadata: map[string]string{"a": "1", "n": "2", "extra": `[1,{"b":null}]`, "flag": "true"},
			}},
		},
		"explicit metadata wins":       {body: `{"id":"A","a":"extra","metadata":{"a":"said"}}`, want: []hikyaku.Request{{ID: "A", Metadata: map[string]string{"a": "said"}}}},
		"S3 event":                     {body: records("ObjectCreated:Put", "orders/A/x.txt"), want: []hikyaku.Request{object("orders/A/x.txt")}},
		"S3 event, MinIO's name":       {body: records("s3:ObjectCreated:Put", "k"), want: []hikyaku.Request{object("k")}},
		"S3 key decoded once":          {body: records("ObjectCreated:Copy", "orders/red+flower/%E3%81%82%2541%2B.txt"), want: []hikyaku.Request{object("orders/red flower/あ%41+.txt")}},
		"several records":              {body: records("ObjectCreated:Put", "a", "ObjectRemoved:Delete", "b", "ObjectCreated:Put", "c"), want: []hikyaku.Request{object("a"), object("c")}},
		"only deletions":               {body: records("ObjectRemoved:Delete", "b")},
		"S3 test event":                {body: `{"Service":"Amazon S3","Event":"s3:TestEvent","Time":"2026-01-01T00:00:00Z","Bucket":"outbox"}`},
		"EventBridge key is not coded": {body: fmt.Sprintf(eventBridge, "Object Created", "aws.s3", "orders/a+b/%41"), want: []hikyaku.Request{object("orders/a+b/%41")}},
		"EventBridge deletion":         {body: fmt.Sprintf(eventBridge, "Object Deleted", "aws.s3", "k")},
		"SNS around an id":             {body: sns("A-1"), want: id("A-1")},
		"SNS around an S3 event":       {body: sns(records("ObjectCreated:Put", "k")), want: []hikyaku.Request{object("k")}},
		"quoted JSON":                  {body: `"{\"id\":\"A\"}"`, want: id("A")},

		"empty":                   {body: " \n", code: hikyaku.CodeEmptyBody},
		"empty JSON string":       {body: `""`, code: hikyaku.CodeEmptyBody},
		"broken JSON":             {body: `{"id":"A"`, code: hikyaku.CodeNotUnderstood},
		"something after JSON":    {body: `{"id":"A"} x`, code: hikyaku.CodeNotUnderstood},
		"list":                    {body: `["A"]`, code: hikyaku.CodeNotUnderstood},
		"no id":                   {body: `{"ID":"A"}`, code: hikyaku.CodeIDMissing},
		"id is a number":          {body: `{"id":1}`, code: hikyaku.CodeIDMissing},
		"duplicate key":           {body: `{"id":"A","id":"B"}`, code: hikyaku.CodeDuplicateKey},
		"duplicate key, escaped":  {body: `{"id":"A","\u0069d":"B"}`, code: hikyaku.CodeDuplicateKey},
		"duplicate key inside":    {body: `{"id":"A","x":{"a":1,"a":2}}`, code: hikyaku.CodeDuplicateKey},
		"paths not texts":         {body: `{"id":"A","paths":[1]}`, code: hikyaku.CodeNotUnderstood},
		"route not a text":        {body: `{"id":"A","route":{}}`, code: hikyaku.CodeNotUnderstood},
		"metadata not an object":  {body: `{"id":"A","metadata":"x"}`, code: hikyaku.CodeNotUnderstood},
		"invalid UTF-8":           {body: "A\xff", code: hikyaku.CodeNotUnderstood},
		"too large":               {body: strings.Repeat("A", hikyaku.MaxBody+1), code: hikyaku.CodeBodyTooLarge},
		"too deep":                {body: `{"id":"A","x":` + strings.Repeat("[", 40) + strings.Repeat("]", 40) + `}`, code: hikyaku.CodeBodyTooLarge},
		"too many envelopes":      {body: sns(sns(sns(sns(sns("A"))))), code: hikyaku.CodeBodyTooLarge},
		"SNS confirmation":        {body: `{"Type":"SubscriptionConfirmation","TopicArn":"t","Message":"m"}`, code: hikyaku.CodeNotUnderstood},
		"foreign event":           {body: fmt.Sprintf(eventBridge, "EC2 Instance State-change Notification", "aws.ec2", "k"), code: hikyaku.CodeNotUnderstood},
		"S3 key badly encoded":    {body: records("ObjectCreated:Put", "%zz"), code: hikyaku.CodeNotUnderstood},
		"S3 record without event": {body: `{"Records":[{}]}`, code: hikyaku.CodeNotUnderstood},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got, err := hikyaku.ParseBody(tc.body)
			if code := hikyaku.CodeOf(err); code != tc.code {
				t.Fatalf("error %v has code %q, want %q", err, code, tc.code)
			}
			if err != nil && hikyaku.KindOf(err) != hikyaku.KindInvalid {
				t.Errorf("kind %s, want invalid", hikyaku.KindOf(err))
			}
			if diff := cmp.Diff(tc.want, got); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
		})
	}
}

func TestParseBody_saysWhatIsWrongWithTheID(t *testing.T) {
	t.Parallel()
	for body, want := range map[string]string{
		`{"id":5}`: `"id" must be a JSON string`, `{"id":["A"]}`: `"id" must be a JSON string`,
		`{"ID":"A"}`: `has no "id"`, `{"id":null}`: `has no "id"`,
	} {
		if _, err := hikyaku.ParseBody(body); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: error %v, want %s", body, err, want)
		}
	}
}

func FuzzParseBody(f *testing.F) {
	for _, seed := range []string{
		"A", `"A"`, `{"id":"A"}`, `{"id":"A","paths":["x"],"metadata":{"a":1}}`, records("ObjectCreated:Put", "a%2Bb"),
		`{"Type":"Notification","TopicArn":"t","Message":"{\"id\":\"A\"}"}`, `{"Event":"s3:TestEvent"}`, "{", "[", `{"id":"A","id":"A"}`,
		`{"detail-type":"Object Created","source":"aws.s3","detail":{"bucket":{"name":"b"},"object":{"key":"k"}}}`,
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, body string) {
		requests, err := hikyaku.ParseBody(body)
		if err != nil {
			if _, known := hikyaku.Lookup(hikyaku.CodeOf(err)); !known || hikyaku.KindOf(err) != hikyaku.KindInvalid || requests != nil {
				t.Fatalf("%d requests, error %v without an entry", len(requests), err)
			}
			return
		}
		trimmed := strings.TrimSpace(body)
		for _, q := range requests {
			if !utf8.ValidString(q.ID) || (q.ID == "") == (q.Object == nil) && trimmed[0] != '{' && trimmed[0] != '"' {
				t.Fatalf("request %+v of %q", q, body)
			}
			if q.Object != nil && (q.Object.Key == "" || q.Object.Bucket == "") {
				t.Fatalf("object %+v of %q", q.Object, body)
			}
		}
		if trimmed[0] != '{' && trimmed[0] != '"' && (len(requests) != 1 || requests[0].ID != trimmed) {
			t.Fatalf("a bare id %q gave %+v", trimmed, requests)
		}
	})
}
