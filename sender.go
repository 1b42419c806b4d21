package hikyaku

import (
	"encoding/json"
	"strings"
)

// AttributeAct is the message attribute with which a person's client says that
// the message is a command of a person, and whose; see Act.Attribute.
const AttributeAct = "hikyaku-act"

const (
	// maxAct bounds the attribute, maxBy who it may name, in bytes.
	maxAct = 8 << 10
	maxBy  = 256
)

// actWords is an act as it travels with a message.
type actWords struct {
	By       string  `json:"by"`
	Reason   string  `json:"reason,omitempty"`
	Origin   string  `json:"origin,omitempty"`
	As       AuditOp `json:"as,omitempty"`
	Count    int64   `json:"count,omitempty"`
	Recorded bool    `json:"recorded,omitempty"`
}

// Attribute is the act as the value of AttributeAct.
func (a Act) Attribute() string {
	b, err := json.Marshal(actWords{
		By: sendable(a.By), Reason: auditText(sendable(a.Reason)), Origin: sendable(a.Origin), As: a.As, Count: a.Count, Recorded: a.Recorded,
	})
	if err != nil {
		return "" // texts and numbers always have a JSON form
	}
	return string(b)
}

// sendable leaves out what SQS does not take, even in JSON.
func sendable(s string) string {
	return strings.Map(func(r rune) rune {
		if r < ' ' || r == '\uFFFE' || r == '\uFFFF' {
			return ' '
		}
		return r
	}, strings.ToValidUTF8(s, "\uFFFD"))
}

// Act is the command of a person that the message is, or nil. Who gave it is
// the sender's word; it is believed only where the queue vouches for who sent
// the message, which Detail then says.
func (m Message) Act() *Act {
	said := m.Attributes[AttributeAct]
	if m.Sender == "" || said == "" || len(said) > maxAct {
		return nil
	}
	var w actWords
	if json.Unmarshal([]byte(said), &w) != nil || w.By == "" || w.Count < 0 || len(w.By) > maxBy {
		return nil
	}
	if w.As != AuditEditAndResend { // the only other name of sending
		w.As = ""
	}
	a := &Act{
		By: w.By, Reason: w.Reason, Origin: OriginQueue, As: w.As, Count: w.Count, Recorded: w.Recorded,
		Detail: "sender_id=" + m.Sender,
	}
	if w.Origin != "" {
		a.Origin += "/" + w.Origin
	}
	return a
}
