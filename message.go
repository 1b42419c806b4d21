package hikyaku

import (
	"encoding/json"
	"net/url"
	"strings"
	"unicode/utf8"
)

// MaxBody is the largest message body accepted, in bytes: SQS's own limit.
const MaxBody = 1 << 20

// maxEnvelopes is how deep SNS envelopes and quoted JSON may be wrapped.
const maxEnvelopes = 3

// Request is what one message, or one record of it, asks for.
type Request struct {
	ID    string
	Route string // empty: see Routes.Resolve
	// Key is the producer's idempotency token.
	Key      string
	Paths    []string
	Metadata map[string]string
	// Object is set instead of ID for an S3 event: the ID follows from a
	// route's key pattern.
	Object *Object
}

// Object is the S3 object of an event, its key decoded.
type Object struct{ Bucket, Key string }

// ParseBody reads a message body. No request and no error means that the
// message is to be acknowledged and nothing follows (S3 test events, deletions
// and other non-creations). A body that is not understood is poison: an *Error
// of KindInvalid with a catalogue code; no part of it is carried out.
func ParseBody(body string) ([]Request, error) {
	return parseBody(body, 0)
}

func parseBody(body string, depth int) ([]Request, error) {
	if len(body) > MaxBody || depth > maxEnvelopes {
		return nil, poison(CodeBodyTooLarge, "")
	}
	if !utf8.ValidString(body) {
		return nil, poison(CodeNotUnderstood, "the body is not UTF-8")
	}
	body = strings.TrimSpace(body)
	if body == "" {
		return nil, poison(CodeEmptyBody, "")
	}
	switch body[0] {
	case '{':
		v, err := decodeJSON(body)
		if err != nil {
			return nil, err
		}
		object, ok := v.(map[string]any)
		if !ok {
			return nil, poison(CodeNotUnderstood, "")
		}
		return parseObject(object, depth)
	case '[':
		return nil, poison(CodeNotUnderstood, "the body is a JSON list; one object per message is understood")
	case '"':
		if v, err := decodeJSON(body); err == nil {
			if s, ok := v.(string); ok {
				return parseText(s, depth)
			}
		}
	}
	return []Request{{ID: body}}, nil
}

// parseText reads the content of a JSON string.
func parseText(s string, depth int) ([]Request, error) {
	if t := strings.TrimSpace(s); t == "" || t[0] == '{' || t[0] == '[' {
		return parseBody(s, depth+1)
	}
	return []Request{{ID: s}}, nil
}

func parseObject(o map[string]any, depth int) ([]Request, error) {
	text := func(name string) string { s, _ := o[name].(string); return s }
	if records, ok := o["Records"].([]any); ok {
		return parseRecords(records)
	}
	if text("Event") == "s3:TestEvent" {
		return nil, nil
	}
	if _, ok := o["detail"].(map[string]any); ok && text("detail-type") != "" && text("source") != "" {
		return parseEventBridge(o)
	}
	if typ := text("Type"); typ != "" && text("TopicArn") != "" {
		message, ok := o["Message"].(string)
		if typ != "Notification" || !ok {
			return nil, poison(CodeNotUnderstood, "an SNS message of type "+typ+" needs a person")
		}
		return parseBody(message, depth+1)
	}
	return parseOwn(o)
}

func parseOwn(o map[string]any) ([]Request, error) {
	var r Request
	id, ok := o["id"].(string)
	if !ok {
		if o["id"] == nil {
			return nil, poison(CodeIDMissing, `the JSON object has no "id"`)
		}
		return nil, poison(CodeIDMissing, `"id" must be a JSON string`)
	}
	r.ID = id
	for name, v := range o {
		switch name {
		case "id":
		case "route", "key":
			s, ok := v.(string)
			if !ok && v != nil {
				return nil, poison(CodeNotUnderstood, name+" must be a text")
			}
			if name == "route" {
				r.Route = s
			} else {
				r.Key = s
			}
		case "paths":
			list, err := texts(v)
			if err != nil {
				return nil, err
			}
			r.Paths = list
		case "metadata":
			m, ok := v.(map[string]any)
			if !ok && v != nil {
				return nil, poison(CodeNotUnderstood, "metadata must be an object")
			}
			for k, v := range m {
				r.setMetadata(k, v)
			}
		default:
			if m, ok := o["metadata"].(map[string]any); ok {
				if _, taken := m[name]; taken {
					continue // what is said explicitly wins over an extra field
				}
			}
			r.setMetadata(name, v)
		}
	}
	return []Request{r}, nil
}

// setMetadata keeps a value: texts as they are, anything else as JSON.
func (r *Request) setMetadata(name string, v any) {
	s, ok := v.(string)
	if !ok {
		raw, err := json.Marshal(v)
		if err != nil {
			return // decoded JSON always encodes
		}
		s = string(raw)
	}
	if r.Metadata == nil {
		r.Metadata = map[string]string{}
	}
	r.Metadata[name] = s
}

func texts(v any) ([]string, error) {
	list, ok := v.([]any)
	if !ok && v != nil {
		return nil, poison(CodeNotUnderstood, "paths must be a list of texts")
	}
	var out []string
	for _, item := range list {
		s, ok := item.(string)
		if !ok {
			return nil, poison(CodeNotUnderstood, "paths must be a list of texts")
		}
		out = append(out, s)
	}
	return out, nil
}

// parseRecords reads an S3 event notification; its keys are URL-encoded.
func parseRecords(records []any) ([]Request, error) {
	var out []Request
	for _, record := range records {
		event, ok := path(record, "eventName").(string)
		if !ok {
			return nil, poison(CodeNotUnderstood, "a record has no eventName")
		}
		if !strings.HasPrefix(strings.TrimPrefix(event, "s3:"), "ObjectCreated:") {
			continue
		}
		bucket, _ := path(record, "s3", "bucket", "name").(string)
		raw, _ := path(record, "s3", "object", "key").(string)
		key, err := url.QueryUnescape(raw)
		if err != nil || bucket == "" || key == "" || !utf8.ValidString(key) {
			return nil, poison(CodeNotUnderstood, "a record has no usable bucket and key")
		}
		out = append(out, Request{Object: &Object{Bucket: bucket, Key: key}})
	}
	return out, nil
}

// parseEventBridge reads S3's events on EventBridge; their keys are plain.
func parseEventBridge(o map[string]any) ([]Request, error) {
	if o["source"] != "aws.s3" {
		return nil, poison(CodeNotUnderstood, "an EventBridge event that is not S3's")
	}
	if o["detail-type"] != "Object Created" {
		return nil, nil
	}
	bucket, _ := path(o, "detail", "bucket", "name").(string)
	key, _ := path(o, "detail", "object", "key").(string)
	if bucket == "" || key == "" {
		return nil, poison(CodeNotUnderstood, "the event has no bucket and key")
	}
	return []Request{{Object: &Object{Bucket: bucket, Key: key}}}, nil
}

// path follows member names; nil where there is nothing.
func path(v any, names ...string) any {
	for _, name := range names {
		m, ok := v.(map[string]any)
		if !ok {
			return nil
		}
		v = m[name]
	}
	return v
}

func poison(code, message string) *Error {
	if message == "" {
		message = entry(code).English.Title
	}
	return NewError(code, "read message", "", message)
}
