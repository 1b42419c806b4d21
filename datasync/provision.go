package datasync

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strconv"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	api "github.com/aws/aws-sdk-go-v2/service/datasync"
	"github.com/aws/aws-sdk-go-v2/service/datasync/types"
	"golang.org/x/sync/errgroup"

	"github.com/hikyaku/hikyaku"
)

// The tags by which a pool's tasks and locations are known.
const (
	// TagRoute is the route's name.
	TagRoute = "hikyaku:route"
	// TagIndex numbers the tasks of a route's pool from 0.
	TagIndex = "hikyaku:index"
	// TagSide is "source" or "destination", of locations.
	TagSide = "hikyaku:side"
)

// Pool is the tasks wanted for one route.
type Pool struct {
	Route               string
	Size                int
	Source, Destination Location
	// Options of the tasks. Only those set are compared and changed;
	// PreserveDeletedFiles is always PRESERVE.
	Options types.Options
}

// Location is a side of a pool's tasks: one that exists, or a bucket.
type Location struct {
	// ARN of an existing location; the rest is then ignored. Locations on
	// files have no API and always come this way.
	ARN string
	// Bucket and Prefix ("orders/", may be empty) of a location that is
	// created when missing.
	Bucket, Prefix string
	// RoleARN by which Amazon's DataSync reads the bucket; empty is a role
	// that does not exist, for endpoints that have their own way in.
	RoleARN string
	// AgentARNs is for S3 on Outposts; usually nil.
	AgentARNs []string
}

// noRole stands where the API demands a role and the endpoint uses none.
const noRole = "arn:aws:iam::000000000000:role/hikyaku"

// uri is the LocationUri that DataSync gives the bucket.
func (l Location) uri() string {
	prefix := strings.Trim(l.Prefix, "/")
	if prefix != "" {
		prefix += "/"
	}
	return "s3://" + l.Bucket + "/" + prefix
}

// Provisioner keeps the tasks of pools in existence through the DataSync API.
// It is meant to run alone, once at start.
type Provisioner struct{ e *Executor }

// NewProvisioner returns a provisioner that makes its calls with client.
func NewProvisioner(client *api.Client, o Options) *Provisioner {
	return &Provisioner{e: New(client, o)}
}

// Provisioned is what exists after Ensure.
type Provisioned struct {
	// Tasks are the wanted ones, by route as given, then by index.
	Tasks []hikyaku.TaskDescription
	// Extra are tasks that carry TagRoute and are not wanted: beyond a pool's
	// size, of a route that is gone, or with other locations than the route
	// has now. Ensure leaves them alone.
	Extra []hikyaku.TaskDescription
}

// Ensure creates what is missing of pools and brings the options of existing
// tasks in line. A task's locations cannot be changed, so a route that moved
// gets new tasks and its old ones become Extra. Running it again after a
// failure goes on where it stopped.
func (p *Provisioner) Ensure(ctx context.Context, pools []Pool) (Provisioned, error) {
	known, err := p.tasks(ctx)
	if err != nil {
		return Provisioned{}, err
	}
	var result Provisioned
	for _, pool := range pools {
		if pool.Source.ARN, err = p.location(ctx, pool.Route, "source", pool.Source); err != nil {
			return Provisioned{}, err
		}
		if pool.Destination.ARN, err = p.location(ctx, pool.Route, "destination", pool.Destination); err != nil {
			return Provisioned{}, err
		}
		pool.Options.PreserveDeletedFiles = types.PreserveDeletedFilesPreserve
		for index := range pool.Size {
			i := slices.IndexFunc(known, func(t knownTask) bool { return t.serves(pool, index) })
			var task hikyaku.TaskDescription
			if i >= 0 {
				task = known[i].TaskDescription
				err = p.update(ctx, known[i], pool.Options)
				known = slices.Delete(known, i, i+1)
			} else {
				task, err = p.create(ctx, pool, index)
			}
			if err != nil {
				return Provisioned{}, err
			}
			result.Tasks = append(result.Tasks, task)
		}
	}
	for _, t := range known {
		result.Extra = append(result.Extra, t.TaskDescription)
	}
	return result, nil
}

// knownTask is an existing task with its options.
type knownTask struct {
	hikyaku.TaskDescription
	options *types.Options
}

// serves reports whether the task is the pool's index-th.
func (t knownTask) serves(pool Pool, index int) bool {
	return t.Tags[TagRoute] == pool.Route && t.Tags[TagIndex] == strconv.Itoa(index) &&
		t.SourceLocation == pool.Source.ARN && t.DestinationLocation == pool.Destination.ARN
}

// tasks returns all tasks that carry TagRoute, by ARN.
func (p *Provisioner) tasks(ctx context.Context) ([]knownTask, error) {
	var listed []string
	in := &api.ListTasksInput{}
	for {
		out, err := call(ctx, p.e, "list tasks", "", p.e.client.ListTasks, in)
		if err != nil {
			return nil, err
		}
		for _, entry := range out.Tasks {
			listed = append(listed, aws.ToString(entry.TaskArn))
		}
		if aws.ToString(out.NextToken) == "" {
			break
		}
		in.NextToken = out.NextToken
	}
	tasks := make([]knownTask, len(listed))
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(parallel)
	for i, arn := range listed {
		group.Go(func() (err error) {
			tasks[i], err = p.task(ctx, arn)
			return err
		})
	}
	if err := group.Wait(); err != nil {
		return nil, err
	}
	tasks = slices.DeleteFunc(tasks, func(t knownTask) bool { return t.Tags[TagRoute] == "" })
	slices.SortFunc(tasks, func(a, b knownTask) int { return cmp.Compare(a.ARN, b.ARN) })
	return tasks, nil
}

// task describes a task of ours; others come back without tags.
func (p *Provisioner) task(ctx context.Context, arn string) (knownTask, error) {
	tags, err := p.e.tags(ctx, arn)
	if err != nil || tags[TagRoute] == "" {
		return knownTask{}, err
	}
	out, err := p.e.describeTask(ctx, arn)
	if err != nil {
		return knownTask{}, err
	}
	d, err := p.e.taskDescription(ctx, out, tags)
	return knownTask{TaskDescription: d, options: out.Options}, err
}

// create creates the pool's index-th task.
func (p *Provisioner) create(ctx context.Context, pool Pool, index int) (hikyaku.TaskDescription, error) {
	name := fmt.Sprintf("hikyaku-%s-%d", pool.Route, index)
	out, err := call(ctx, p.e, "create task", name, p.e.client.CreateTask, &api.CreateTaskInput{
		Name: &name, SourceLocationArn: &pool.Source.ARN, DestinationLocationArn: &pool.Destination.ARN,
		Options: &pool.Options,
		Tags:    tagList(map[string]string{TagRoute: pool.Route, TagIndex: strconv.Itoa(index)}),
	}, once)
	if err != nil {
		return hikyaku.TaskDescription{}, err
	}
	return p.e.Task(ctx, aws.ToString(out.TaskArn))
}

// update brings the task's options in line with those that are set in wanted.
func (p *Provisioner) update(ctx context.Context, t knownTask, wanted types.Options) error {
	if t.options != nil && !differs(*t.options, wanted) {
		return nil
	}
	_, err := call(ctx, p.e, "update task", t.ARN, p.e.client.UpdateTask,
		&api.UpdateTaskInput{TaskArn: &t.ARN, Options: &wanted})
	return err
}

// differs reports whether any option that is set in wanted is another in have.
func differs(have, wanted types.Options) bool {
	h, w := reflect.ValueOf(have), reflect.ValueOf(wanted)
	for i := range w.NumField() {
		if !w.Type().Field(i).IsExported() || w.Field(i).IsZero() {
			continue
		}
		if !reflect.DeepEqual(h.Field(i).Interface(), w.Field(i).Interface()) {
			return true
		}
	}
	return false
}

// location returns the ARN of a side's location, creating it when missing. It
// is known by its URI and its tags.
func (p *Provisioner) location(ctx context.Context, route, side string, l Location) (string, error) {
	if l.ARN != "" {
		return l.ARN, nil
	}
	if l.Bucket == "" {
		return "", &hikyaku.Error{
			Kind: hikyaku.KindInvalid, Op: "provision route", Subject: route,
			Message: "its " + side + " has neither a location ARN nor a bucket",
		}
	}
	uris, err := p.e.locationURIs(ctx)
	if err != nil {
		return "", err
	}
	for _, arn := range slices.Sorted(maps.Keys(uris)) {
		if !sameURI(uris[arn], l.uri()) {
			continue
		}
		tags, err := p.e.tags(ctx, arn)
		if err != nil {
			return "", err
		}
		if tags[TagRoute] == route && tags[TagSide] == side {
			return arn, nil
		}
	}
	return p.createLocation(ctx, route, side, l)
}

// createLocation creates a side's S3 location.
func (p *Provisioner) createLocation(ctx context.Context, route, side string, l Location) (string, error) {
	in := &api.CreateLocationS3Input{
		S3BucketArn: aws.String("arn:aws:s3:::" + l.Bucket),
		S3Config:    &types.S3Config{BucketAccessRoleArn: aws.String(cmp.Or(l.RoleARN, noRole))},
		AgentArns:   l.AgentARNs,
		Tags:        tagList(map[string]string{TagRoute: route, TagSide: side}),
	}
	if l.Prefix != "" {
		in.Subdirectory = &l.Prefix
	}
	out, err := call(ctx, p.e, "create location", l.uri(), p.e.client.CreateLocationS3, in, once)
	if err != nil {
		return "", err
	}
	return aws.ToString(out.LocationArn), nil
}

// sameURI compares location URIs, whose last slash the service may add or drop.
func sameURI(a, b string) bool { return strings.TrimSuffix(a, "/") == strings.TrimSuffix(b, "/") }
