package mover

import (
	"context"
	"maps"
	"strings"
)

// maxTags is how many tags a resource may have.
const maxTags = 50

// Tag is a key and its value.
type Tag struct{ Key, Value string }

func checkTags(tags map[string]string) error {
	if len(tags) > maxTags {
		return invalid("A resource can have at most %d tags.", maxTags)
	}
	for k := range tags {
		if strings.HasPrefix(strings.ToLower(k), "aws:") {
			return invalid("Tag key %s: keys beginning with aws: are reserved.", k)
		}
	}
	return nil
}

// TagResource sets tags of an agent, location, task or execution.
func (s *Service) TagResource(ctx context.Context, arn string, tags map[string]string) error {
	if err := checkTags(tags); err != nil {
		return err
	}
	return s.editTags(ctx, arn, func(have map[string]string) { maps.Copy(have, tags) })
}

// UntagResource removes tags; keys that are not there are no error.
func (s *Service) UntagResource(ctx context.Context, arn string, keys []string) error {
	return s.editTags(ctx, arn, func(have map[string]string) {
		for _, k := range keys {
			delete(have, k)
		}
	})
}

// ListTagsForResource returns tags in order of their keys.
func (s *Service) ListTagsForResource(ctx context.Context, arn string, page Page) ([]Tag, string, error) {
	tags, err := s.tags(ctx, arn)
	if err != nil {
		return nil, "", err
	}
	list := make([]Tag, 0, len(tags))
	for k, v := range tags {
		list = append(list, Tag{k, v})
	}
	return cut(list, func(t Tag) string { return t.Key }, "tags", page)
}

// resourceKind says what an ARN names: "agent", "location", "task",
// "execution" or nothing.
func resourceKind(arn string) string {
	switch {
	case strings.Contains(arn, "/execution/exec-"):
		return "execution"
	case strings.Contains(arn, ":agent/"):
		return "agent"
	case strings.Contains(arn, ":location/"):
		return "location"
	case strings.Contains(arn, ":task/"):
		return "task"
	}
	return ""
}

func (s *Service) tags(ctx context.Context, arn string) (map[string]string, error) {
	switch resourceKind(arn) {
	case "execution":
		e, err := s.DescribeTaskExecution(ctx, arn)
		return e.Tags, err
	case "agent":
		a, err := s.DescribeAgent(ctx, arn)
		return a.Tags, err
	case "location":
		l, err := s.location(arn)
		return l.Tags, err
	case "task":
		t, err := s.DescribeTask(ctx, arn)
		return t.Tags, err
	}
	return nil, notFound("Resource %s is not found.", arn)
}

func (s *Service) editTags(ctx context.Context, arn string, edit func(map[string]string)) error {
	if resourceKind(arn) == "execution" {
		return s.editExecutionTags(ctx, arn, edit)
	}
	s.admin.Lock()
	defer s.admin.Unlock()
	old, err := s.tags(ctx, arn)
	if err != nil {
		return err
	}
	tags, err := edited(old, edit)
	if err != nil {
		return err
	}
	const operation = "change tags"
	switch resourceKind(arn) {
	case "agent":
		d, err := s.DescribeAgent(ctx, arn)
		if err != nil {
			return err
		}
		d.Tags = tags
		return s.putAgent(ctx, operation, d.Agent)
	case "location":
		l, err := s.location(arn)
		if err != nil {
			return err
		}
		l.Tags = tags
		return s.putLocation(ctx, operation, l)
	}
	d, err := s.DescribeTask(ctx, arn)
	if err != nil {
		return err
	}
	d.Tags = tags
	return s.putTask(ctx, operation, d.Task)
}

func edited(old map[string]string, edit func(map[string]string)) (map[string]string, error) {
	tags := map[string]string{}
	maps.Copy(tags, old)
	edit(tags)
	return tags, checkTags(tags)
}

func (s *Service) editExecutionTags(ctx context.Context, arn string, edit func(map[string]string)) error {
	s.admin.Lock() // one editor at a time, also of ended executions
	defer s.admin.Unlock()
	s.mu.Lock()
	r := s.live[arn]
	s.mu.Unlock()
	if r != nil {
		r.wmu.Lock()
		defer r.wmu.Unlock()
		s.mu.Lock()
		e := r.exec.clone() // also if it ended meanwhile: then as it was committed
		s.mu.Unlock()
		return s.putExecutionTags(ctx, e, r, edit)
	}
	e, err := s.DescribeTaskExecution(ctx, arn)
	if err != nil {
		return err
	}
	return s.putExecutionTags(ctx, e, nil, edit)
}

func (s *Service) putExecutionTags(ctx context.Context, e Execution, r *run, edit func(map[string]string)) (err error) {
	if e.Tags, err = edited(e.Tags, edit); err != nil {
		return err
	}
	if err := s.commit(ctx, "change tags", Change{Executions: []Execution{e}}); err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.recent.forget(e.ARN)
	if r != nil {
		r.exec = e
	}
	return nil
}
