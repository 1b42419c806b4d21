package datasyncapi

import (
	"encoding/json"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/hikyaku/hikyaku/mover"
)

// rules are the model's patterns.
type rules struct {
	agentARN, locationARN, taskARN, executionARN, resourceARN *regexp.Regexp
	roleARN, bucketARN, logGroupARN                           *regexp.Regexp
	subdirectory, hostname, bucket                            *regexp.Regexp
	tagKey, tagValue, token, filterValue                      *regexp.Regexp
}

func newRules() rules {
	const partition = `^arn:(aws|aws-cn|aws-us-gov|aws-eusc|aws-iso|aws-iso-b):`
	const datasync = partition + `datasync:[a-z\-0-9]+:[0-9]{12}:`
	re := regexp.MustCompile
	return rules{
		agentARN:     re(datasync + `agent/agent-[0-9a-z]{17}$`),
		locationARN:  re(datasync + `location/loc-[0-9a-z]{17}$`),
		taskARN:      re(datasync + `task/task-[0-9a-f]{17}$`),
		executionARN: re(datasync + `task/task-[0-9a-f]{17}/execution/exec-[0-9a-f]{17}$`),
		resourceARN:  re(datasync + `(agent|task|location)/(agent|task|loc)-[a-z0-9]{17}(/execution/exec-[a-f0-9]{17})?$`),
		roleARN:      re(partition + `iam::[0-9]{12}:role/.*$`),
		bucketARN:    re(partition + `s3(-outposts)?:[a-z\-0-9]*:[0-9]*:[a-zA-Z0-9.\-_/:]{1,255}$`),
		logGroupARN:  re(partition + `logs:[a-z\-0-9]+:[0-9]{12}:log-group:([^:*]*)(:\*)?$`),
		subdirectory: re(`^[a-zA-Z0-9_\-+./()\p{Zs}]*$`),
		hostname:     re(`^(([a-zA-Z0-9\-]*[a-zA-Z0-9])\.)*([A-Za-z0-9\-:]*[A-Za-z0-9])$`),
		bucket:       re(`^[a-zA-Z0-9_\-+.()$\p{Zs}]+$`),
		tagKey:       re(`^[a-zA-Z0-9\s+=._:/-]+$`),
		tagValue:     re(`^[a-zA-Z0-9\s+=._:@/-]+$`),
		token:        re(`^[a-zA-Z0-9=_-]+$`),
		filterValue:  re(`^[0-9a-zA-Z_ \-:*.\\/?]*$`),
	}
}

// checker collects the first thing wrong with a request.
type checker struct {
	rules *rules
	err   error
}

func (c *checker) fail(format string, args ...any) {
	if c.err == nil {
		c.err = &mover.Error{Kind: mover.Invalid, Code: "InvalidParameter", Message: "Invalid parameter: " + fmt.Sprintf(format, args...)}
	}
}

func (c *checker) unsupported(member, why string) {
	if c.err == nil {
		c.err = &mover.Error{Kind: mover.Invalid, Code: "NotSupported", Message: member + " is not supported by this server" + why + "."}
	}
}

// text checks an optional string; a nil pattern takes anything.
func (c *checker) text(name, value string, longest int, pattern *regexp.Regexp) {
	if value == "" {
		return
	}
	if n := utf8.RuneCountInString(value); n > longest {
		c.fail("%s has %d characters, at most %d are allowed.", name, n, longest)
	}
	if pattern != nil && !pattern.MatchString(value) {
		c.fail("%s %q does not match the pattern %s", name, shortened(value), pattern)
	}
}

// must is text for a required string.
func (c *checker) must(name, value string, longest int, pattern *regexp.Regexp) {
	if value == "" {
		c.fail("%s is required.", name)
	}
	c.text(name, value, longest, pattern)
}

func (c *checker) optional(name string, value *string, longest int, pattern *regexp.Regexp) {
	if value != nil {
		c.text(name, *value, longest, pattern)
	}
}

func (c *checker) oneOf(name, value string, allowed ...string) {
	if value != "" && !slices.Contains(allowed, value) {
		c.fail("%s %q must be one of %s.", name, shortened(value), strings.Join(allowed, ", "))
	}
}

func shortened(s string) string {
	const most = 100
	if r := []rune(s); len(r) > most {
		return string(r[:most]) + "…"
	}
	return s
}

const arnMax = 128

func (c *checker) location(arn string) { c.must("LocationArn", arn, arnMax, c.rules.locationARN) }
func (c *checker) task(arn string)     { c.must("TaskArn", arn, arnMax, c.rules.taskARN) }
func (c *checker) agent(arn string)    { c.must("AgentArn", arn, arnMax, c.rules.agentARN) }
func (c *checker) execution(arn string) {
	c.must("TaskExecutionArn", arn, arnMax, c.rules.executionARN)
}

func (c *checker) agents(arns []string) {
	if arns != nil && (len(arns) < 1 || len(arns) > 8) {
		c.fail("AgentArns must hold 1 to 8 ARNs.")
	}
	for _, arn := range arns {
		c.must("AgentArns", arn, arnMax, c.rules.agentARN)
	}
}

func (c *checker) tags(tags []tag) {
	if len(tags) > 50 {
		c.fail("Tags holds %d tags, at most 50 are allowed.", len(tags))
	}
	seen := map[string]bool{}
	for _, t := range tags {
		c.must("Tags.Key", t.Key, 256, c.rules.tagKey)
		c.text("Tags.Value", t.Value, 256, c.rules.tagValue)
		if seen[t.Key] {
			c.fail("Tags holds the key %s twice.", shortened(t.Key))
		}
		seen[t.Key] = true
	}
}

func (c *checker) paging(p paging) {
	if p.MaxResults != nil && (*p.MaxResults < 0 || *p.MaxResults > 100) {
		c.fail("MaxResults %d must be between 0 and 100.", *p.MaxResults)
	}
	c.text("NextToken", p.NextToken, 65535, c.rules.token)
}

func (c *checker) listFilters(filters []listFilter) {
	for _, f := range filters {
		c.must("Filters.Name", f.Name, 256, nil)
		c.must("Filters.Operator", f.Operator, 256, nil)
		if f.Values == nil {
			c.fail("Filters.Values is required.")
		}
		for _, v := range f.Values {
			c.must("Filters.Values", v, 255, c.rules.filterValue)
		}
	}
}

func (c *checker) filterList(name string, list []filterRule) {
	if len(list) > 1 {
		c.fail("%s holds %d filter rules, at most 1 is allowed. Join patterns with |.", name, len(list))
	}
	for _, f := range list {
		c.oneOf(name+".FilterType", f.FilterType, "SIMPLE_PATTERN")
		if f.Value == "" || strings.ContainsRune(f.Value, 0) {
			c.fail("%s.Value must hold at least one character and no NUL.", name)
		}
		c.text(name+".Value", f.Value, 102400, nil)
	}
}

// absent refuses a member that is given with content.
func (c *checker) absent(name string, value json.RawMessage) {
	if !blank(value) {
		c.unsupported(name, "")
	}
}

// blank says whether a member is missing, null or an object without members.
func blank(value json.RawMessage) bool {
	var members map[string]json.RawMessage
	if len(value) == 0 || string(value) == "null" {
		return true
	}
	return json.Unmarshal(value, &members) == nil && len(members) == 0
}

// schedule refuses a schedule; an empty expression, which removes one, is none.
func (c *checker) schedule(value json.RawMessage) {
	var s struct {
		ScheduleExpression *string `json:"ScheduleExpression"`
	}
	if blank(value) {
		return
	}
	if json.Unmarshal(value, &s) == nil && s.ScheduleExpression != nil && *s.ScheduleExpression == "" {
		return
	}
	c.unsupported("Schedule", "; start the task from your own scheduler")
}
