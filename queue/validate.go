package queue

import (
	"math/big"
	"slices"
	"strings"
)

const allowedCharacters = "the set of allowed characters is #x9 | #xA | #xD | #x20 to #xD7FF | #xE000 to #xFFFD | #x10000 to #x10FFFF"

// isName reports whether s is 1 to 80 letters, digits, hyphens, underscores:
// what queues and batch entries may be called.
func isName(s string) bool {
	return s != "" && len(s) <= 80 && strings.IndexFunc(s, func(r rune) bool {
		return !isAlphanumeric(r) && r != '-' && r != '_'
	}) < 0
}

func isAlphanumeric(r rune) bool {
	return r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9'
}

// forbidden returns the first character that SQS does not carry.
func forbidden(s string) (rune, bool) {
	for _, r := range s {
		if r < 0x20 && r != 0x9 && r != 0xA && r != 0xD || r == 0xFFFE || r == 0xFFFF {
			return r, true
		}
	}
	return 0, false
}

func checkBody(body string) error {
	if body == "" {
		return missing("MessageBody")
	}
	if r, bad := forbidden(body); bad {
		return refuse(CodeInvalidMessageContents, "Invalid binary character '#x%X' was found in the message body, %s", r, allowedCharacters)
	}
	return nil
}

// checkAttributes checks message attributes as SQS does.
func checkAttributes(attributes map[string]Attribute) error {
	if len(attributes) > 10 {
		return refuse(CodeInvalidParameterValue, "Number of message attributes [%d] exceeds the allowed maximum [10].", len(attributes))
	}
	for name, a := range attributes {
		if err := checkAttributeName(name); err != nil {
			return err
		}
		if err := checkAttribute(name, a); err != nil {
			return err
		}
	}
	return nil
}

func checkAttributeName(name string) error {
	lower := strings.ToLower(name)
	invalid := strings.IndexFunc(name, func(r rune) bool {
		return !isAlphanumeric(r) && r != '-' && r != '_' && r != '.'
	}) >= 0
	switch {
	case name == "" || len(name) > 256:
		return refuse(CodeInvalidParameterValue, "Length of message attribute name must be from 1 to 256 characters.")
	case invalid || strings.HasPrefix(name, ".") || strings.HasSuffix(name, ".") || strings.Contains(name, ".."):
		return refuse(CodeInvalidParameterValue, "Invalid message attribute name %q: letters, digits, hyphens, underscores and single inner periods only.", name)
	case strings.HasPrefix(lower, "aws.") || strings.HasPrefix(lower, "amazon."):
		return refuse(CodeInvalidParameterValue, "Message attribute name can not start with reserved prefixes: AWS. and Amazon.")
	}
	return nil
}

func checkAttribute(name string, a Attribute) error {
	kind, _, _ := strings.Cut(a.DataType, ".")
	switch {
	case a.DataType == "":
		return refuse(CodeInvalidParameterValue, "The message attribute '%s' must contain non-empty message attribute type.", name)
	case len(a.DataType) > 256 || !slices.Contains([]string{"String", "Number", "Binary"}, kind):
		return refuse(CodeInvalidParameterValue,
			"The message attribute '%s' has an invalid message attribute type, the set of supported type prefixes is Binary, Number, and String.", name)
	case kind == "Binary" && (len(a.Binary) == 0 || a.String != ""), kind != "Binary" && (a.String == "" || len(a.Binary) > 0):
		return refuse(CodeInvalidParameterValue, "The message attribute '%s' must contain non-empty message attribute value for message attribute type '%s'.",
			name, a.DataType)
	}
	if r, bad := forbidden(a.String); bad {
		return refuse(CodeInvalidMessageContents, "Invalid binary character '#x%X' was found in the message attribute '%s', %s", r, name, allowedCharacters)
	}
	if kind == "Number" && !isNumber(a.String) {
		return refuse(CodeInvalidParameterValue, "Can't cast the value of message (user) attribute '%s' to a number.", name)
	}
	return nil
}

// isNumber reports whether s is a decimal number as SQS takes it.
func isNumber(s string) bool {
	if len(s) > 64 || strings.Trim(s, "0123456789+-.eE") != "" {
		return false
	}
	_, ok := new(big.Float).SetString(s)
	return ok
}

// size is what counts against MaximumMessageSize.
func size(body string, attributes map[string]Attribute) int {
	n := len(body)
	for name, a := range attributes {
		n += len(name) + len(a.DataType) + len(a.String) + len(a.Binary)
	}
	return n
}

// checkBatch checks the number of entries and their IDs.
func checkBatch(ids []string) error {
	switch {
	case len(ids) == 0:
		return refuse(CodeEmptyBatchRequest, "There should be at least one entry in the request.")
	case len(ids) > 10:
		return refuse(CodeTooManyEntriesInBatchRequest, "Maximum number of entries per request are 10. You have sent %d.", len(ids))
	}
	seen := map[string]bool{}
	for _, id := range ids {
		if !isName(id) {
			return refuse(CodeInvalidBatchEntryID,
				"A batch entry id can only contain alphanumeric characters, hyphens and underscores. It can be at most 80 letters long.")
		}
		if seen[id] {
			return refuse(CodeBatchEntryIDsNotDistinct, "Id %s repeated.", id)
		}
		seen[id] = true
	}
	return nil
}
