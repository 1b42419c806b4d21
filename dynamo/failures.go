package dynamo

import (
	"cmp"
	"context"
	"fmt"
	"iter"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/hikyaku/hikyaku"
)

const (
	// maxSaid is how many bytes of a failure's text the index carries, maxBriefID
	// how long an ID may be that it carries.
	maxSaid    = 256
	maxBriefID = 256
	// saidMessage and saidDetail tell which text of the failure it is.
	saidMessage = "m"
	saidDetail  = "d"
	// maxFailurePages bounds what one call reads of each shard: pages of maxLimit
	// entries.
	maxFailurePages = 25
)

// brief is the attribute that attention carries of a transfer: the code of its
// failure alone or, once it ended, what Failures says of it, the code first. What
// is tried again, and what is delivered, does not pay for it.
func brief(t *hikyaku.Transfer) string {
	var f hikyaku.Failure
	if t.Failure != nil {
		f = *t.Failure
	}
	if !t.State.Ended() || !failedOnce(t.State, f.Code, t.DeadLetter) || len(t.ID) > maxBriefID || bounded(t.ID) != t.ID ||
		bounded(f.Code) != f.Code || strings.Contains(f.Code+t.ID, sep) {
		return f.Code
	}
	ended := ""
	if !t.EndedAt.IsZero() {
		ended = moment(t.EndedAt)
	}
	said := saidMessage + cut(f.Message)
	if f.Message == "" {
		said = saidDetail + cut(f.Detail)
	}
	return strings.Join([]string{f.Code, ended, t.ID, said}, sep)
}

// cut is the beginning of a text.
func cut(s string) string {
	s = strings.ToValidUTF8(s, "\uFFFD")
	if len(s) <= maxSaid {
		return s
	}
	end := maxSaid - len("…")
	for !utf8.RuneStart(s[end]) {
		end--
	}
	return s[:end] + "…"
}

// failedOnce tells what is a failure of now or of an earlier attempt.
func failedOnce(s hikyaku.State, code string, d hikyaku.DeadLetterState) bool {
	return code != "" || d != "" || s == hikyaku.Failed || s == hikyaku.Rejected
}

// codeOf is the code of an entry of attention.
func codeOf(it item) string {
	code, _, _ := strings.Cut(text(it, attrCode), sep)
	return code
}

// failureOf reads an entry of attention; ok is false if it says too little: the
// transfer has not ended, its ID is long, or entries did not say more yet when it
// was written.
func failureOf(it item) (f hikyaku.FailedTransfer, ok bool) {
	part := strings.SplitN(text(it, attrCode), sep, 4)
	if len(part) < 4 || part[3] == "" {
		return f, false
	}
	f = hikyaku.FailedTransfer{
		ID: part[2], Route: text(it, attrRoute), State: hikyaku.State(text(it, attrState)),
		DeadLetter: hikyaku.DeadLetterState(text(it, attrLetter)), Failure: hikyaku.Failure{Code: part[0]},
	}
	if at, ok := momentOf(part[1]); ok {
		f.EndedAt = at
	}
	switch part[3][:1] {
	case saidMessage:
		f.Failure.Message = part[3][1:]
	case saidDetail:
		f.Failure.Detail = part[3][1:]
	default:
		return f, false
	}
	return f, true
}

// Failures implements hikyaku.FailureLister, newest creation first: from the
// index attention alone, half a read unit for some twenty. Texts are cut after
// 256 bytes. Transfers whose entry does not say enough (see brief) are read. It looks at
// 100,000 entries at most, and says that there are more if that did not do. It
// may lag behind commits by moments.
func (l *Ledger) Failures(ctx context.Context, q hikyaku.FailureQuery) ([]hikyaku.FailedTransfer, bool, error) {
	entries, more, err := l.failures(ctx, q)
	if err != nil {
		return nil, false, fmt.Errorf("list failures: %w", err)
	}
	silent := map[string][]string{}
	for _, it := range entries {
		if _, ok := failureOf(it); !ok {
			id := transferOf(it)
			silent[shard(id)] = append(silent[shard(id)], id)
		}
	}
	read, err := l.readSilent(ctx, silent)
	if err != nil {
		return nil, false, fmt.Errorf("list failures: %w", err)
	}
	list := make([]hikyaku.FailedTransfer, 0, len(entries))
	for _, it := range entries {
		f, ok := failureOf(it)
		if !ok {
			t, found := read[transferOf(it)]
			if !found || !matches(&t, hikyaku.Query{States: q.States, DeadLetters: q.DeadLetters}) {
				continue // it was removed, or went on
			}
			f = hikyaku.FailedTransfer{ID: t.ID, Route: t.Route, State: t.State, DeadLetter: t.DeadLetter, EndedAt: t.EndedAt}
			if t.Failure != nil {
				f.Failure = hikyaku.Failure{Code: t.Failure.Code, Message: t.Failure.Message, Detail: t.Failure.Detail}
			}
		}
		list = append(list, f)
	}
	return list, more, nil
}

// readSilent reads transfers, those of each shard at the same time as the others.
func (l *Ledger) readSilent(ctx context.Context, ids map[string][]string) (map[string]hikyaku.Transfer, error) {
	found := map[string]hikyaku.Transfer{}
	if len(ids) == 0 {
		return found, nil
	}
	read, err := sharded(ctx, func(ctx context.Context, s string) ([]hikyaku.Transfer, error) {
		return l.load(ctx, ids[s])
	})
	for _, list := range read {
		for _, t := range list {
			found[t.TransferID] = t
		}
	}
	return found, err
}

// unlisted is what was read of one shard of attention and not listed yet.
type unlisted struct {
	next    func() ([]item, error, bool)
	entries []item
	done    bool
}

// fill reads a page if there is nothing unlisted.
func (u *unlisted) fill() error {
	if u.done || len(u.entries) > 0 {
		return nil
	}
	page, err, ok := u.next()
	u.done = !ok
	u.entries = slices.DeleteFunc(slices.Clone(page), func(it item) bool {
		return !failedOnce(hikyaku.State(text(it, attrState)), codeOf(it), hikyaku.DeadLetterState(text(it, attrLetter)))
	})
	return err
}

// newestOf is the shard with the newest entry, nil at the end of all; wait says
// that a shard has to be read further first.
func newestOf(shards map[string]*unlisted) (newest *unlisted, wait bool) {
	for _, u := range shards {
		switch {
		case len(u.entries) > 0:
			if newest == nil || newer(u.entries[0], newest.entries[0]) {
				newest = u
			}
		case !u.done:
			return nil, true
		}
	}
	return newest, false
}

func newer(a, b item) bool {
	return cmp.Or(strings.Compare(text(a, attrCreated), text(b, attrCreated)), strings.Compare(transferOf(a), transferOf(b))) > 0
}

// failures returns the entries of the newest transfers that q selects, and
// whether there are more. All shards are read at once, page by page and no
// further than the list needs.
func (l *Ledger) failures(ctx context.Context, q hikyaku.FailureQuery) (list []item, more bool, err error) {
	of := attentionQuery(hikyaku.Query{States: q.States, DeadLetters: q.DeadLetters})
	of.descending, of.limit = true, maxLimit
	if len(q.DeadLetters) == 0 { // nearly all match
		of.limit = min(q.Limit/Shards+batch, maxLimit)
	}
	shards := map[string]*unlisted{}
	for n := range Shards {
		of.pk = shardName(n)
		next, stop := iter.Pull2(l.pages(ctx, of))
		defer stop()
		shards[of.pk] = &unlisted{next: next}
	}
	for range maxFailurePages {
		_, err := sharded(ctx, func(_ context.Context, s string) (bool, error) { return true, shards[s].fill() })
		if err != nil {
			return nil, false, err
		}
		for {
			newest, wait := newestOf(shards)
			if wait {
				break
			}
			if newest == nil || len(list) >= q.Limit {
				return list, newest != nil, nil
			}
			list, newest.entries = append(list, newest.entries[0]), newest.entries[1:]
		}
	}
	return list, true, nil
}
