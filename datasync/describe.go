package datasync

import (
	"context"
	"slices"
	"strconv"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	api "github.com/aws/aws-sdk-go-v2/service/datasync"
	"github.com/aws/aws-sdk-go-v2/service/datasync/types"
	"golang.org/x/sync/errgroup"

	"github.com/hikyaku/hikyaku"
)

// TagSlots is a tag of agents: how many executions one may run at once, 0 for
// any number. Without it Options.AgentSlots holds.
const TagSlots = "hikyaku:slots"

// parallel is how many describing calls are made at once.
const parallel = 4

// Agents lists all agents. Name and status come from the listing; last contact
// and slots take two calls an agent. An agent that is deleted meanwhile is
// left out.
func (e *Executor) Agents(ctx context.Context) ([]hikyaku.Agent, error) {
	var listed []types.AgentListEntry
	in := &api.ListAgentsInput{}
	for {
		out, err := call(ctx, e, "list agents", "", e.client.ListAgents, in)
		if err != nil {
			return nil, err
		}
		listed = append(listed, out.Agents...)
		if aws.ToString(out.NextToken) == "" {
			break
		}
		in.NextToken = out.NextToken
	}
	agents := make([]hikyaku.Agent, len(listed))
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(parallel)
	for i, entry := range listed {
		group.Go(func() (err error) {
			agents[i], err = e.agent(ctx, entry)
			return err
		})
	}
	if err := group.Wait(); err != nil {
		return nil, err
	}
	return slices.DeleteFunc(agents, func(a hikyaku.Agent) bool { return a.ARN == "" }), nil
}

// agent completes a listed agent; the zero Agent if it is gone.
func (e *Executor) agent(ctx context.Context, entry types.AgentListEntry) (hikyaku.Agent, error) {
	arn := aws.ToString(entry.AgentArn)
	out, err := call(ctx, e, "describe agent", arn, e.client.DescribeAgent, &api.DescribeAgentInput{AgentArn: &arn})
	if hikyaku.KindOf(absent(err)) == hikyaku.KindNotFound {
		return hikyaku.Agent{}, nil
	}
	if err != nil {
		return hikyaku.Agent{}, err
	}
	tags, err := e.tags(ctx, arn)
	if hikyaku.KindOf(err) == hikyaku.KindNotFound {
		return hikyaku.Agent{}, nil
	}
	if err != nil {
		return hikyaku.Agent{}, err
	}
	a := hikyaku.Agent{
		ARN: arn, Name: aws.ToString(out.Name), Online: out.Status == types.AgentStatusOnline,
		Slots: e.opts.AgentSlots, LastContact: aws.ToTime(out.LastConnectionTime).UTC(),
	}
	if out.Platform != nil {
		a.Platform = aws.ToString(out.Platform.Version)
	}
	if n, err := strconv.Atoi(tags[TagSlots]); err == nil && n >= 0 {
		a.Slots = n
	}
	return a, nil
}

// Task describes a task for the pool, with the agents of both its locations;
// KindNotFound if there is no such task.
func (e *Executor) Task(ctx context.Context, taskARN string) (hikyaku.TaskDescription, error) {
	out, err := e.describeTask(ctx, taskARN)
	if err != nil {
		return hikyaku.TaskDescription{}, err
	}
	tags, err := e.tags(ctx, taskARN)
	if err != nil {
		return hikyaku.TaskDescription{}, err
	}
	return e.taskDescription(ctx, out, tags)
}

func (e *Executor) describeTask(ctx context.Context, arn string) (*api.DescribeTaskOutput, error) {
	out, err := call(ctx, e, "describe task", arn, e.client.DescribeTask, &api.DescribeTaskInput{TaskArn: &arn})
	if err != nil {
		return nil, absent(err)
	}
	return out, nil
}

// taskDescription completes a described task with its locations' agents.
func (e *Executor) taskDescription(ctx context.Context, out *api.DescribeTaskOutput, tags map[string]string) (hikyaku.TaskDescription, error) {
	d := hikyaku.TaskDescription{
		ARN: aws.ToString(out.TaskArn), Name: aws.ToString(out.Name), Status: string(out.Status),
		SourceLocation:      aws.ToString(out.SourceLocationArn),
		DestinationLocation: aws.ToString(out.DestinationLocationArn),
		Scheduled:           out.Schedule != nil && aws.ToString(out.Schedule.ScheduleExpression) != "",
		HasManifest:         out.ManifestConfig != nil && out.ManifestConfig.Source != nil,
		Removes:             out.Options != nil && out.Options.PreserveDeletedFiles == types.PreserveDeletedFilesRemove,
		Tags:                tags,
		ErrorCode:           aws.ToString(out.ErrorCode), ErrorDetail: aws.ToString(out.ErrorDetail),
	}
	for _, location := range []string{d.SourceLocation, d.DestinationLocation} {
		agents, err := e.locationAgents(ctx, location)
		if err != nil {
			return hikyaku.TaskDescription{}, err
		}
		d.AgentARNs = append(d.AgentARNs, agents...)
	}
	slices.Sort(d.AgentARNs)
	d.AgentARNs = slices.Compact(d.AgentARNs)
	return d, nil
}

// locationAgents returns a location's agents; none for kinds that have none.
// Which Describe fits is told by the scheme of the location's URI.
func (e *Executor) locationAgents(ctx context.Context, arn string) ([]string, error) {
	scheme, err := e.scheme(ctx, arn)
	if err != nil {
		return nil, err
	}
	const op = "describe location"
	switch scheme {
	case "s3":
		out, err := call(ctx, e, op, arn, e.client.DescribeLocationS3, &api.DescribeLocationS3Input{LocationArn: &arn})
		if err != nil {
			return nil, absent(err)
		}
		return out.AgentArns, nil
	case "object-storage":
		out, err := call(ctx, e, op, arn, e.client.DescribeLocationObjectStorage, &api.DescribeLocationObjectStorageInput{LocationArn: &arn})
		if err != nil {
			return nil, absent(err)
		}
		return out.AgentArns, nil
	case "nfs":
		out, err := call(ctx, e, op, arn, e.client.DescribeLocationNfs, &api.DescribeLocationNfsInput{LocationArn: &arn})
		if err != nil || out.OnPremConfig == nil {
			return nil, absent(err)
		}
		return out.OnPremConfig.AgentArns, nil
	case "smb":
		out, err := call(ctx, e, op, arn, e.client.DescribeLocationSmb, &api.DescribeLocationSmbInput{LocationArn: &arn})
		if err != nil {
			return nil, absent(err)
		}
		return out.AgentArns, nil
	case "hdfs":
		out, err := call(ctx, e, op, arn, e.client.DescribeLocationHdfs, &api.DescribeLocationHdfsInput{LocationArn: &arn})
		if err != nil {
			return nil, absent(err)
		}
		return out.AgentArns, nil
	case "azure-blob":
		out, err := call(ctx, e, op, arn, e.client.DescribeLocationAzureBlob, &api.DescribeLocationAzureBlobInput{LocationArn: &arn})
		if err != nil {
			return nil, absent(err)
		}
		return out.AgentArns, nil
	}
	return nil, nil
}

// scheme returns the scheme of a location's URI. DataSync shows the URI of
// any kind of location in one place only, the listing.
func (e *Executor) scheme(ctx context.Context, arn string) (string, error) {
	e.mu.Lock()
	scheme, ok := e.schemes[arn]
	e.mu.Unlock()
	if ok {
		return scheme, nil
	}
	uris, err := e.locationURIs(ctx)
	if err != nil {
		return "", err
	}
	uri, ok := uris[arn]
	if !ok {
		return "", &hikyaku.Error{Kind: hikyaku.KindNotFound, Op: "find location", Subject: arn, Message: "it is not listed"}
	}
	scheme, _, _ = strings.Cut(uri, "://")
	return scheme, nil
}

// locationURIs lists all locations, ARN → URI, and remembers their schemes.
func (e *Executor) locationURIs(ctx context.Context) (map[string]string, error) {
	uris := map[string]string{}
	in := &api.ListLocationsInput{}
	for {
		out, err := call(ctx, e, "list locations", "", e.client.ListLocations, in)
		if err != nil {
			return nil, err
		}
		for _, l := range out.Locations {
			uris[aws.ToString(l.LocationArn)] = aws.ToString(l.LocationUri)
		}
		if aws.ToString(out.NextToken) == "" {
			break
		}
		in.NextToken = out.NextToken
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	for arn, uri := range uris {
		e.schemes[arn], _, _ = strings.Cut(uri, "://")
	}
	return uris, nil
}
