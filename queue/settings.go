package queue

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
)

// Settings are the attributes of a queue that can be set. The durations are in
// seconds.
type Settings struct {
	VisibilityTimeout int           `json:"visibility_timeout"`
	Delay             int           `json:"delay"`
	MaxMessageSize    int           `json:"max_message_size"`
	Retention         int           `json:"retention"`
	Wait              int           `json:"wait"`
	ManagedSSE        bool          `json:"managed_sse"`
	Redrive           *Redrive      `json:"redrive,omitempty"`
	RedriveAllow      *RedriveAllow `json:"redrive_allow,omitempty"`
}

// Redrive says when messages go to which dead-letter queue.
type Redrive struct {
	TargetARN   string `json:"target_arn"`
	MaxReceives int    `json:"max_receives"`
}

// RedriveAllow says which queues may use this one as their dead-letter queue.
type RedriveAllow struct {
	// Permission is allowAll, denyAll or byQueue.
	Permission string   `json:"permission"`
	SourceARNs []string `json:"source_arns,omitempty"`
}

// maxSize is the largest message there is, in bytes.
const maxSize = 1 << 20

// maxVisibility is the longest visibility timeout in seconds.
const maxVisibility = 12 * 60 * 60

func defaultSettings() Settings {
	return Settings{VisibilityTimeout: 30, MaxMessageSize: maxSize, Retention: 4 * 24 * 60 * 60, ManagedSSE: true}
}

// The names of attributes.
const (
	attrVisibilityTimeout = "VisibilityTimeout"
	attrDelay             = "DelaySeconds"
	attrMaxSize           = "MaximumMessageSize"
	attrRetention         = "MessageRetentionPeriod"
	attrWait              = "ReceiveMessageWaitTimeSeconds"
	attrManagedSSE        = "SqsManagedSseEnabled"
	attrRedrive           = "RedrivePolicy"
	attrRedriveAllow      = "RedriveAllowPolicy"
)

// number describes an attribute that is a number.
type number struct {
	field    func(*Settings) *int
	min, max int
}

func numbers() map[string]number {
	return map[string]number{
		attrVisibilityTimeout: {func(s *Settings) *int { return &s.VisibilityTimeout }, 0, maxVisibility},
		attrDelay:             {func(s *Settings) *int { return &s.Delay }, 0, 900},
		attrMaxSize:           {func(s *Settings) *int { return &s.MaxMessageSize }, 1024, maxSize},
		attrRetention:         {func(s *Settings) *int { return &s.Retention }, 60, 14 * 24 * 60 * 60},
		attrWait:              {func(s *Settings) *int { return &s.Wait }, 0, 20},
	}
}

// apply returns the settings with the given attributes set.
func (s *Settings) apply(attributes map[string]string) (Settings, error) {
	out := *s
	for _, name := range slices.Sorted(maps.Keys(attributes)) {
		if err := out.set(name, attributes[name]); err != nil {
			return out, err
		}
	}
	return out, nil
}

func (s *Settings) set(name, value string) (err error) {
	if n, ok := numbers()[name]; ok {
		v, err := strconv.Atoi(strings.TrimSpace(value))
		if err != nil || v < n.min || v > n.max {
			return invalidAttribute(name)
		}
		*n.field(s) = v
		return nil
	}
	switch name {
	case attrManagedSSE:
		if s.ManagedSSE, err = strconv.ParseBool(value); err != nil {
			return invalidAttribute(name)
		}
	case attrRedrive:
		s.Redrive, err = parseRedrive(value)
	case attrRedriveAllow:
		s.RedriveAllow, err = parseRedriveAllow(value)
	case "FifoQueue", "ContentBasedDeduplication", "DeduplicationScope", "FifoThroughputLimit":
		if value != "" && value != "false" {
			return refuse(CodeUnsupportedOperation, "FIFO queues are not supported by this endpoint: attribute %s is refused.", name)
		}
	case "KmsMasterKeyId", "KmsDataKeyReusePeriodSeconds", "Policy":
		if value != "" {
			return refuse(CodeUnsupportedOperation, "Attribute %s is not supported by this endpoint.", name)
		}
	default:
		return refuse(CodeInvalidAttributeName, "Unknown Attribute %s.", name)
	}
	return err
}

func invalidAttribute(name string) *Error {
	return refuse(CodeInvalidAttributeValue, "Invalid value for the parameter %s.", name)
}

// render returns all attributes that have a value.
func (s *Settings) render() map[string]string {
	out := map[string]string{attrManagedSSE: strconv.FormatBool(s.ManagedSSE)}
	for name, n := range numbers() {
		out[name] = strconv.Itoa(*n.field(s))
	}
	if s.Redrive != nil {
		out[attrRedrive] = fmt.Sprintf(`{"deadLetterTargetArn":%q,"maxReceiveCount":%d}`, s.Redrive.TargetARN, s.Redrive.MaxReceives)
	}
	if s.RedriveAllow != nil {
		out[attrRedriveAllow] = s.RedriveAllow.render()
	}
	return out
}

func parseRedrive(value string) (*Redrive, error) {
	if value == "" {
		return nil, nil //nolint:nilnil // no policy
	}
	var p struct {
		Target string          `json:"deadLetterTargetArn"` //nolint:tagliatelle // Amazon's
		Max    json.RawMessage `json:"maxReceiveCount"`     //nolint:tagliatelle // Amazon's
	}
	if err := json.Unmarshal([]byte(value), &p); err != nil {
		return nil, invalidValue(value, attrRedrive, "Redrive policy is not a valid JSON map.")
	}
	if p.Target == "" || len(p.Max) == 0 {
		return nil, invalidValue(value, attrRedrive, "Redrive policy must have deadLetterTargetArn and maxReceiveCount.")
	}
	n, err := strconv.Atoi(strings.Trim(string(p.Max), `"`))
	if err != nil || n < 1 || n > 1000 {
		return nil, invalidValue(value, attrRedrive, "Invalid value for maxReceiveCount: "+string(p.Max)+", valid values are from 1 to 1000 both inclusive.")
	}
	return &Redrive{TargetARN: p.Target, MaxReceives: n}, nil
}

// The permissions of a RedriveAllowPolicy.
const (
	allowAll = "allowAll"
	denyAll  = "denyAll"
	byQueue  = "byQueue"
)

func parseRedriveAllow(value string) (*RedriveAllow, error) {
	if value == "" {
		return nil, nil //nolint:nilnil // no policy
	}
	var p struct {
		Permission string   `json:"redrivePermission"` //nolint:tagliatelle // Amazon's
		Sources    []string `json:"sourceQueueArns"`   //nolint:tagliatelle // Amazon's
	}
	if err := json.Unmarshal([]byte(value), &p); err != nil {
		return nil, invalidValue(value, attrRedriveAllow, "Amazon SQS can't create the redrive allow policy, as it's in an unsupported format.")
	}
	switch {
	case p.Permission != allowAll && p.Permission != denyAll && p.Permission != byQueue:
		return nil, invalidValue(value, attrRedriveAllow, "redrivePermission must be allowAll, denyAll or byQueue.")
	case p.Permission == byQueue && (len(p.Sources) == 0 || len(p.Sources) > 10):
		return nil, invalidValue(value, attrRedriveAllow, "byQueue needs 1 to 10 sourceQueueArns.")
	case p.Permission != byQueue && len(p.Sources) > 0:
		return nil, invalidValue(value, attrRedriveAllow, "sourceQueueArns are for byQueue only.")
	}
	return &RedriveAllow{Permission: p.Permission, SourceARNs: p.Sources}, nil
}

func (r *RedriveAllow) render() string {
	if r.Permission != byQueue {
		return fmt.Sprintf(`{"redrivePermission":%q}`, r.Permission)
	}
	sources, err := json.Marshal(r.SourceARNs)
	if err != nil {
		return "" // a list of strings always has a JSON form
	}
	return fmt.Sprintf(`{"redrivePermission":%q,"sourceQueueArns":%s}`, r.Permission, sources)
}

// allows reports whether the queue may use this one for its dead letters.
func (r *RedriveAllow) allows(arn string) bool {
	return r == nil || r.Permission == allowAll || (r.Permission == byQueue && slices.Contains(r.SourceARNs, arn))
}
