package datasync_test

import (
	"fmt"
	"slices"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	api "github.com/aws/aws-sdk-go-v2/service/datasync"
	"github.com/aws/aws-sdk-go-v2/service/datasync/types"

	"github.com/hikyaku/hikyaku"
	"github.com/hikyaku/hikyaku/datasync"
	"github.com/hikyaku/hikyaku/mover"
)

func fileOptions() mover.FileOptions { return mover.FileOptions{} }

// provision runs a fresh provisioner, as each start of a process does.
func provision(t *testing.T, s *server, pools ...datasync.Pool) datasync.Provisioned {
	t.Helper()
	got, err := datasync.NewProvisioner(s.client, datasync.Options{}).Ensure(t.Context(), pools)
	if err != nil {
		t.Fatalf("Ensure: %v", err)
	}
	return got
}

func arns(tasks []hikyaku.TaskDescription) []string {
	out := make([]string, len(tasks))
	for i, d := range tasks {
		out[i] = d.ARN
	}
	return out
}

// count tells how many tasks and locations the server has.
func count(t *testing.T, s *server) (tasks, locations int) {
	t.Helper()
	ts, err := s.client.ListTasks(t.Context(), &api.ListTasksInput{})
	if err != nil {
		t.Fatal(err)
	}
	ls, err := s.client.ListLocations(t.Context(), &api.ListLocationsInput{})
	if err != nil {
		t.Fatal(err)
	}
	return len(ts.Tasks), len(ls.Locations)
}

func TestProvisioner_createsWhatIsMissingOnce(t *testing.T) {
	t.Parallel()
	s := own(t)
	file, err := s.EnsureFileLocation(t.Context(), t.TempDir(), fileOptions())
	if err != nil {
		t.Fatal(err)
	}
	invoices := datasync.Pool{
		Route: "invoices", Size: 1, Source: datasync.Location{Bucket: "outbox"}, Destination: datasync.Location{ARN: file},
	}
	first := provision(t, s, orders(2), invoices)
	for i, want := range []struct{ route, index string }{{"orders", "0"}, {"orders", "1"}, {"invoices", "0"}} {
		got := first.Tasks[i]
		if got.Tags[datasync.TagRoute] != want.route || got.Tags[datasync.TagIndex] != want.index || got.Status != "AVAILABLE" {
			t.Errorf("task %d = %+v, want %s %s", i, got, want.route, want.index)
		}
	}
	if d := first.Tasks[2].DestinationLocation; d != file {
		t.Errorf("destination = %s, want the given %s", d, file)
	}
	again := provision(t, s, orders(2), invoices)
	if !slices.Equal(arns(first.Tasks), arns(again.Tasks)) || len(again.Extra) != 0 {
		t.Errorf("the second time: %v extra %v, want %v", arns(again.Tasks), again.Extra, arns(first.Tasks))
	}
	if tasks, locations := count(t, s); tasks != 3 || locations != 4 {
		t.Errorf("%d tasks and %d locations exist, want 3 and 4", tasks, locations)
	}
}

func TestProvisioner_growsAndListsExtra(t *testing.T) {
	t.Parallel()
	s := own(t)
	two := provision(t, s, orders(2))
	four := provision(t, s, orders(4))
	if !slices.Equal(arns(two.Tasks), arns(four.Tasks[:2])) || len(four.Tasks) != 4 {
		t.Errorf("grown to %v, want %v and two more", arns(four.Tasks), arns(two.Tasks))
	}
	one := provision(t, s, orders(1))
	extra := arns(one.Extra)
	slices.Sort(extra)
	want := slices.Sorted(slices.Values(arns(four.Tasks[1:])))
	if len(one.Tasks) != 1 || !slices.Equal(extra, want) {
		t.Errorf("shrunk to %v extra %v, want one and %v", arns(one.Tasks), extra, want)
	}
	none := provision(t, s)
	if len(none.Extra) != 4 || none.Extra[0].Tags[datasync.TagRoute] != "orders" {
		t.Errorf("with the route gone, extra = %v, want all four", arns(none.Extra))
	}
}

func TestProvisioner_leavesOthersTasksAlone(t *testing.T) {
	t.Parallel()
	s := own(t)
	mine := provision(t, s, orders(1)).Tasks[0]
	if _, err := s.client.CreateTask(t.Context(), &api.CreateTaskInput{
		SourceLocationArn: &mine.SourceLocation, DestinationLocationArn: &mine.DestinationLocation,
		Tags: []types.TagListEntry{{Key: aws.String("team"), Value: aws.String("blue")}},
	}); err != nil {
		t.Fatal(err)
	}
	got := provision(t, s, orders(1))
	if len(got.Extra) != 0 || got.Tasks[0].ARN != mine.ARN {
		t.Errorf("Ensure = %+v, want only %s", got, mine.ARN)
	}
}

func TestProvisioner_movedRouteGetsNewTasks(t *testing.T) {
	t.Parallel()
	s := own(t)
	before := provision(t, s, orders(2))
	moved := orders(2)
	moved.Destination.Prefix = "2026"
	after := provision(t, s, moved)
	if !slices.Equal(arns(after.Extra), slices.Sorted(slices.Values(arns(before.Tasks)))) {
		t.Errorf("extra = %v, want the old %v", arns(after.Extra), arns(before.Tasks))
	}
	if after.Tasks[0].SourceLocation != before.Tasks[0].SourceLocation || after.Tasks[0].DestinationLocation == before.Tasks[0].DestinationLocation {
		t.Errorf("tasks %+v, want the same source and a new destination", after.Tasks)
	}
}

func TestProvisioner_correctsOptions(t *testing.T) {
	t.Parallel()
	s := own(t)
	options := func(arn string) *types.Options {
		out, err := s.client.DescribeTask(t.Context(), &api.DescribeTaskInput{TaskArn: &arn})
		if err != nil {
			t.Fatal(err)
		}
		return out.Options
	}
	pool := orders(1)
	pool.Options = types.Options{Uid: types.UidNone, Gid: types.GidNone, PosixPermissions: types.PosixPermissionsNone}
	arn := provision(t, s, pool).Tasks[0].ARN
	if o := options(arn); o.Uid != types.UidNone || o.PosixPermissions != types.PosixPermissionsNone {
		t.Errorf("options = %+v", o)
	}
	pool.Options.VerifyMode = types.VerifyModeNone
	pool.Options.BytesPerSecond = aws.Int64(1000)
	if again := provision(t, s, pool).Tasks[0].ARN; again != arn {
		t.Errorf("task = %s, want the same %s", again, arn)
	}
	o := options(arn)
	if o.VerifyMode != types.VerifyModeNone || aws.ToInt64(o.BytesPerSecond) != 1000 || o.Uid != types.UidNone ||
		o.PreserveDeletedFiles != types.PreserveDeletedFilesPreserve {
		t.Errorf("options after the change = %+v", o)
	}
}

func TestProvisioner_goesOnOverPages(t *testing.T) {
	t.Parallel()
	s := own(t)
	const n = 120 // more than a page
	first := provision(t, s, orders(n))
	again := provision(t, s, orders(n))
	if !slices.Equal(arns(first.Tasks), arns(again.Tasks)) || len(again.Extra) != 0 {
		t.Error("a pool of more than a page is not found again")
	}
	for i, d := range again.Tasks {
		if d.Tags[datasync.TagIndex] != fmt.Sprint(i) {
			t.Fatalf("task %d has index %s", i, d.Tags[datasync.TagIndex])
		}
	}
}

func TestProvisioner_refusesASideWithoutALocation(t *testing.T) {
	t.Parallel()
	pool := orders(1)
	pool.Destination = datasync.Location{}
	_, err := datasync.NewProvisioner(own(t).client, datasync.Options{}).Ensure(t.Context(), []datasync.Pool{pool})
	wantKind(t, err, hikyaku.KindInvalid, "orders")
}
