package datasyncapi

import "context"

type tagResourceInput struct {
	ResourceARN string `json:"ResourceArn"`
	Tags        []tag  `json:"Tags"`
}

func (in *tagResourceInput) check(c *checker) {
	c.must("ResourceArn", in.ResourceARN, arnMax, c.rules.resourceARN)
	if in.Tags == nil {
		c.fail("Tags is required.")
	}
	c.tags(in.Tags)
}

func (a *api) tagResource(ctx context.Context, in *tagResourceInput) (any, error) {
	return empty{}, a.mover.TagResource(ctx, in.ResourceARN, tagMap(in.Tags))
}

type untagResourceInput struct {
	ResourceARN string   `json:"ResourceArn"`
	Keys        []string `json:"Keys"`
}

func (in *untagResourceInput) check(c *checker) {
	c.must("ResourceArn", in.ResourceARN, arnMax, c.rules.resourceARN)
	if len(in.Keys) < 1 || len(in.Keys) > 50 {
		c.fail("Keys must hold 1 to 50 keys.")
	}
	for _, k := range in.Keys {
		c.must("Keys", k, 256, c.rules.tagKey)
	}
}

func (a *api) untagResource(ctx context.Context, in *untagResourceInput) (any, error) {
	return empty{}, a.mover.UntagResource(ctx, in.ResourceARN, in.Keys)
}

type listTagsForResourceInput struct {
	paging
	ResourceARN string `json:"ResourceArn"`
}

func (in *listTagsForResourceInput) check(c *checker) {
	c.must("ResourceArn", in.ResourceARN, arnMax, c.rules.resourceARN)
	c.paging(in.paging)
}

// tagEntry is a tag of a reply: an empty value is sent, not left out.
type tagEntry struct {
	Key   string  `json:"Key"`
	Value *string `json:"Value"`
}

type listTagsForResourceReply struct {
	Tags      []tagEntry `json:"Tags"`
	NextToken string     `json:"NextToken"`
}

func (a *api) listTagsForResource(ctx context.Context, in *listTagsForResourceInput) (any, error) {
	found, next, err := a.mover.ListTagsForResource(ctx, in.ResourceARN, in.page())
	reply := listTagsForResourceReply{Tags: make([]tagEntry, len(found)), NextToken: next}
	for i, t := range found {
		reply.Tags[i] = tagEntry{t.Key, &t.Value}
	}
	return reply, err
}
