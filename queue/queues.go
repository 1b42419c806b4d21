package queue

import (
	"context"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"
)

// purgeEvery is how often a queue may be purged.
const purgeEvery = 60 * time.Second

// Create creates a queue. One that exists already is left alone, if the
// attributes given are the ones it has; else QueueNameExists.
func (s *Service) Create(ctx context.Context, name string, attributes, tags map[string]string) error {
	if name == "" {
		return missing("QueueName")
	}
	if strings.HasSuffix(name, ".fifo") {
		return refuse(CodeUnsupportedOperation, "FIFO queues are not supported by this endpoint.")
	}
	if !isName(name) {
		return refuse(CodeInvalidParameterValue, "Can only include alphanumeric characters, hyphens, or underscores. 1 to 80 in length")
	}
	defaults := defaultSettings()
	settings, err := defaults.apply(attributes)
	if err != nil {
		return err
	}
	if err := checkTags(tags); err != nil {
		return err
	}
	s.admin.Lock()
	defer s.admin.Unlock()
	if e, err := s.lookup(name); err == nil {
		return sameAttributes(s.record(e).Settings, settings, attributes)
	}
	if err := s.checkRedrive(name, settings.Redrive); err != nil {
		return err
	}
	now := s.now()
	q := Queue{Name: name, Settings: settings, Tags: maps.Clone(tags), CreatedAt: now, ModifiedAt: now}
	if err := s.store.SaveQueue(ctx, q); err != nil {
		return storeFailure("create queue", name, err)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.queues[name] = s.newEntry(q)
	return nil
}

// sameAttributes compares the attributes of a repeated Create.
func sameAttributes(have, want Settings, given map[string]string) error {
	a, b := have.render(), want.render()
	for _, name := range slices.Sorted(maps.Keys(given)) {
		if a[name] != b[name] {
			return refuse(CodeQueueNameExists, "A queue already exists with the same name and a different value for attribute %s", name)
		}
	}
	return nil
}

// checkRedrive checks that a queue may send its dead letters where it wants.
func (s *Service) checkRedrive(name string, r *Redrive) error {
	if r == nil {
		return nil
	}
	target, ours := s.nameOf(r.TargetARN)
	e, err := s.lookup(target)
	if !ours || err != nil {
		return invalidValue(r.TargetARN, attrRedrive, "Dead letter target does not exist.")
	}
	if !s.record(e).Settings.RedriveAllow.allows(s.ARN(name)) {
		return invalidValue(r.TargetARN, attrRedrive, "Dead letter target does not allow this queue by its RedriveAllowPolicy.")
	}
	return nil
}

// Delete removes a queue with its messages.
func (s *Service) Delete(ctx context.Context, name string) error {
	s.admin.Lock()
	defer s.admin.Unlock()
	e, err := s.lookup(name)
	if err != nil {
		return err
	}
	s.stopMoves(name)
	if _, err := s.store.Sweep(ctx, name, Sweep{Kind: SweepDrop}); err != nil {
		return storeFailure("delete queue", name, err)
	}
	s.mu.Lock()
	delete(s.queues, name)
	maps.DeleteFunc(s.moves, func(_ string, m *move) bool { return m.source == name })
	s.mu.Unlock()
	e.gate.close()
	return nil
}

// Exists returns nil if there is the queue.
func (s *Service) Exists(name string) error {
	_, err := s.lookup(name)
	return err
}

// names returns the sorted names of queues with the prefix.
func (s *Service) names(prefix string) []string {
	s.mu.RLock()
	defer s.mu.RUnlock()
	var names []string
	for name := range s.queues {
		if strings.HasPrefix(name, prefix) {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return names
}

// List returns up to limit names of queues with the prefix, in order, that
// come after the name given, and whether there are more.
func (s *Service) List(prefix, after string, limit int) (names []string, more bool) {
	return page(s.names(prefix), after, limit)
}

// DeadLetterSources returns the names of the queues whose redrive policy names
// this one; paged like List.
func (s *Service) DeadLetterSources(name, after string, limit int) (names []string, more bool, err error) {
	if _, err := s.lookup(name); err != nil {
		return nil, false, err
	}
	arn := s.ARN(name)
	s.mu.RLock()
	for source, e := range s.queues {
		if r := e.record.Settings.Redrive; r != nil && r.TargetARN == arn {
			names = append(names, source)
		}
	}
	s.mu.RUnlock()
	slices.Sort(names)
	names, more = page(names, after, limit)
	return names, more, nil
}

func page(names []string, after string, limit int) ([]string, bool) {
	i, found := slices.BinarySearch(names, after)
	if found {
		i++
	}
	names = names[i:]
	if len(names) > limit {
		return names[:limit], true
	}
	return names, false
}

// The names of attributes that cannot be set.
const (
	attrARN         = "QueueArn"
	attrVisible     = "ApproximateNumberOfMessages"
	attrNotVisible  = "ApproximateNumberOfMessagesNotVisible"
	attrDelayed     = "ApproximateNumberOfMessagesDelayed"
	attrCreated     = "CreatedTimestamp"
	attrModified    = "LastModifiedTimestamp"
	attrAll         = "All"
	attrPolicy      = "Policy"
	attrFIFO        = "FifoQueue"
	attrDedup       = "ContentBasedDeduplication"
	attrDedupScope  = "DeduplicationScope"
	attrFIFOLimit   = "FifoThroughputLimit"
	attrKmsKey      = "KmsMasterKeyId"
	attrKmsKeyReuse = "KmsDataKeyReusePeriodSeconds"
)

// knownAttribute reports whether SQS has an attribute of that name, with a
// value here or not.
func knownAttribute(name string) bool {
	if _, ok := numbers()[name]; ok {
		return true
	}
	return slices.Contains([]string{
		attrARN, attrVisible, attrNotVisible, attrDelayed, attrCreated, attrModified, attrAll, attrPolicy, attrFIFO, attrDedup,
		attrDedupScope, attrFIFOLimit, attrKmsKey, attrKmsKeyReuse, attrManagedSSE, attrRedrive, attrRedriveAllow,
	}, name)
}

// Attributes returns the attributes of a queue that are named and have a value.
func (s *Service) Attributes(ctx context.Context, name string, names []string) (map[string]string, error) {
	e, err := s.lookup(name)
	if err != nil {
		return nil, err
	}
	for _, n := range names {
		if !knownAttribute(n) {
			return nil, refuse(CodeInvalidAttributeName, "Unknown Attribute %s.", clip(n))
		}
	}
	wants := func(n string) bool { return slices.Contains(names, n) || slices.Contains(names, attrAll) }
	q := s.record(e)
	all := q.Settings.render()
	all[attrARN] = s.ARN(name)
	all[attrCreated] = strconv.FormatInt(q.CreatedAt.Unix(), 10)
	all[attrModified] = strconv.FormatInt(q.ModifiedAt.Unix(), 10)
	if wants(attrVisible) || wants(attrNotVisible) || wants(attrDelayed) {
		counts, err := s.store.Counts(ctx, name, s.now())
		if err != nil {
			return nil, storeFailure("count messages of queue", name, err)
		}
		all[attrVisible], all[attrNotVisible] = strconv.Itoa(counts.Visible), strconv.Itoa(counts.InFlight)
		all[attrDelayed] = strconv.Itoa(counts.Delayed)
	}
	maps.DeleteFunc(all, func(n, _ string) bool { return !wants(n) })
	return all, nil
}

// SetAttributes changes attributes of a queue.
func (s *Service) SetAttributes(ctx context.Context, name string, attributes map[string]string) error {
	if len(attributes) == 0 {
		return missing("Attribute.Name")
	}
	return s.modify(ctx, name, "set attributes of queue", func(q *Queue) (err error) {
		if q.Settings, err = q.Settings.apply(attributes); err != nil {
			return err
		}
		q.ModifiedAt = s.now()
		if _, given := attributes[attrRedrive]; given {
			return s.checkRedrive(name, q.Settings.Redrive)
		}
		return nil
	})
}

// Tag adds tags to a queue.
func (s *Service) Tag(ctx context.Context, name string, tags map[string]string) error {
	if len(tags) == 0 {
		return missing("Tags")
	}
	return s.modify(ctx, name, "tag queue", func(q *Queue) error {
		all := maps.Clone(q.Tags)
		if all == nil {
			all = map[string]string{}
		}
		maps.Copy(all, tags)
		q.Tags = all
		return checkTags(all)
	})
}

// Untag removes tags from a queue; keys that it lacks are ignored.
func (s *Service) Untag(ctx context.Context, name string, keys []string) error {
	if len(keys) == 0 {
		return missing("TagKeys")
	}
	return s.modify(ctx, name, "untag queue", func(q *Queue) error {
		q.Tags = maps.Clone(q.Tags)
		maps.DeleteFunc(q.Tags, func(k, _ string) bool { return slices.Contains(keys, k) })
		return nil
	})
}

// Tags returns the tags of a queue.
func (s *Service) Tags(name string) (map[string]string, error) {
	e, err := s.lookup(name)
	if err != nil {
		return nil, err
	}
	return maps.Clone(s.record(e).Tags), nil
}

func checkTags(tags map[string]string) error {
	if len(tags) > 50 {
		return refuse(CodeInvalidParameterValue, "Too many tags added for queue: the limit is 50.")
	}
	for k, v := range tags {
		if k == "" || len(k) > 128 || len(v) > 256 {
			return refuse(CodeInvalidParameterValue, "Tag keys must be between 1 and 128 characters in length, values at most 256.")
		}
		if strings.HasPrefix(strings.ToLower(k), "aws:") {
			return refuse(CodeInvalidParameterValue, "Tag keys must not begin with aws:.")
		}
	}
	return nil
}

// modify replaces the record of a queue by what change makes of a copy.
func (s *Service) modify(ctx context.Context, name, operation string, change func(*Queue) error) error {
	s.admin.Lock()
	defer s.admin.Unlock()
	e, err := s.lookup(name)
	if err != nil {
		return err
	}
	q := s.record(e)
	if err := change(&q); err != nil {
		return err
	}
	if err := s.store.SaveQueue(ctx, q); err != nil {
		return storeFailure(operation, name, err)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	e.record = q
	return nil
}

// Purge removes all messages of a queue; once a minute.
func (s *Service) Purge(ctx context.Context, name string) error {
	s.admin.Lock()
	defer s.admin.Unlock()
	e, err := s.lookup(name)
	if err != nil {
		return err
	}
	now := s.now()
	if !e.purgedAt.IsZero() && now.Sub(e.purgedAt) < purgeEvery {
		return refuse(CodePurgeQueueInProgress, "Only one PurgeQueue operation on %s is allowed every 60 seconds.", name)
	}
	if _, err := s.store.Sweep(ctx, name, Sweep{Kind: SweepPurge}); err != nil {
		return storeFailure("purge queue", name, err)
	}
	e.purgedAt = now
	return nil
}
