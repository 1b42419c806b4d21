package hikyaku

import "strings"

// The attributes of a message that carry a producer's trace: W3C's, and the
// system attribute that X-Ray puts on SQS messages.
const (
	AttributeTraceparent = "traceparent"
	AttributeXRay        = "AWSTraceHeader"
)

// TagTrace is the tag of an execution with the trace of the message that asked
// for it, as a W3C traceparent. Executions without a trace do not have it.
const TagTrace = "hikyaku:trace"

// Trace returns the message's trace as a W3C traceparent
// ("00-TRACE-PARENT-FLAGS"), or "" when it carries none that is valid. An
// X-Ray header is translated; a traceparent comes first.
func (m Message) Trace() string {
	if t := m.Attributes[AttributeTraceparent]; validTraceparent(t) {
		return t
	}
	return traceOfXRay(m.Attributes[AttributeXRay])
}

// validTraceparent knows version 00 alone, the only one there is.
func validTraceparent(s string) bool {
	parts := strings.Split(s, "-")
	return len(parts) == 4 && parts[0] == "00" && validTraceID(parts[1], 32) && validTraceID(parts[2], 16) &&
		len(parts[3]) == 2 && isLowerHex(parts[3])
}

// traceOfXRay translates "Root=1-5759e988-bd862e3fe1be46a994272793;Parent=53995c3f42cd8ad8;Sampled=1".
func traceOfXRay(header string) string {
	var trace, parent string
	flags := "00"
	for field := range strings.SplitSeq(header, ";") {
		name, value, _ := strings.Cut(strings.TrimSpace(field), "=")
		switch name {
		case "Root":
			if rest, ok := strings.CutPrefix(value, "1-"); ok && len(rest) == 33 && rest[8] == '-' {
				trace = rest[:8] + rest[9:]
			}
		case "Parent":
			parent = value
		case "Sampled":
			if value == "1" {
				flags = "01"
			}
		}
	}
	if !validTraceID(trace, 32) || !validTraceID(parent, 16) {
		return ""
	}
	return "00-" + trace + "-" + parent + "-" + flags
}

func validTraceID(s string, length int) bool {
	return len(s) == length && isLowerHex(s) && strings.Trim(s, "0") != ""
}

func isLowerHex(s string) bool {
	return !strings.ContainsFunc(s, func(c rune) bool { return (c < '0' || c > '9') && (c < 'a' || c > 'f') })
}
