package mover_test

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/hikyaku/hikyaku/engine"
	"github.com/hikyaku/hikyaku/mover"
	"github.com/hikyaku/hikyaku/mover/movertest"
)

func TestService_TaskOptions(t *testing.T) {
	t.Parallel()
	s := movertest.Start(t, mover.Config{})
	task := pair(t, s, mover.Options{})
	d, err := s.DescribeTask(t.Context(), task)
	if err != nil {
		t.Fatal(err)
	}
	want := mover.Options{
		VerifyMode: "POINT_IN_TIME_CONSISTENT", OverwriteMode: "ALWAYS", Atime: "BEST_EFFORT", Mtime: "PRESERVE", UID: "INT_VALUE", GID: "INT_VALUE",
		PreserveDeletedFiles: "PRESERVE", PreserveDevices: "NONE", PosixPermissions: "PRESERVE", TaskQueueing: "ENABLED", LogLevel: "OFF",
		TransferMode: "CHANGED", SecurityDescriptorCopyFlags: "NONE", ObjectTags: "PRESERVE",
	}
	if *d.Options.BytesPerSecond != -1 {
		t.Errorf("BytesPerSecond = %d", *d.Options.BytesPerSecond)
	}
	if d.Options.BytesPerSecond = nil; d.Options != want {
		t.Errorf("defaults = %+v", d.Options)
	}
	for n, c := range []struct {
		options mover.Options
		bad     string
	}{
		{mover.Options{TransferMode: "ALL", PreserveDeletedFiles: "REMOVE"}, "Invalid SyncOption value. Option: TransferMode,PreserveDeletedFiles, Value: ALL,REMOVE."},
		{mover.Options{Atime: "NONE"}, "Option: Atime,Mtime, Value: NONE,PRESERVE."},
		{mover.Options{Mtime: "NONE"}, "Option: Atime,Mtime, Value: BEST_EFFORT,NONE."},
		{mover.Options{Mtime: "NONE", Atime: "NONE"}, ""},
		{mover.Options{VerifyMode: "SOMETIMES"}, "Option: VerifyMode, Value: SOMETIMES"},
		{mover.Options{UID: "NAME"}, "Uid=NAME is not supported"},
		{mover.Options{PreserveDevices: "PRESERVE"}, "not supported"},
		{mover.Options{SecurityDescriptorCopyFlags: "OWNER_DACL"}, "not supported"},
		{mover.Options{BytesPerSecond: new(int64(0))}, "BytesPerSecond"},
		{mover.Options{BytesPerSecond: new(int64(-2))}, "BytesPerSecond"},
		{mover.Options{BytesPerSecond: new(int64(1)), LogLevel: "TRANSFER", ObjectTags: "NONE"}, ""},
	} {
		_, err := s.CreateTask(t.Context(), mover.CreateTaskInput{SourceARN: d.SourceARN, DestinationARN: d.DestinationARN, Options: c.options})
		_, err2 := s.StartTaskExecution(t.Context(), mover.StartInput{TaskARN: task, Override: c.options, Includes: new(fmt.Sprintf("/%d", n))})
		if c.bad == "" {
			if err != nil || err2 != nil {
				t.Errorf("%+v: %v, %v", c.options, err, err2)
			}
			continue
		}
		refused(t, err, mover.Invalid, c.bad)
		refused(t, err2, mover.Invalid, c.bad)
	}
}

func TestService_CreateTask(t *testing.T) {
	t.Parallel()
	s := movertest.Start(t, mover.Config{})
	d, err := s.DescribeTask(t.Context(), pair(t, s, mover.Options{}))
	if err != nil {
		t.Fatal(err)
	}
	base := mover.CreateTaskInput{SourceARN: d.SourceARN, DestinationARN: d.DestinationARN}
	for name, c := range map[string]struct {
		change func(*mover.CreateTaskInput)
		kind   mover.Kind
		bad    string
	}{
		"not an arn":      {func(i *mover.CreateTaskInput) { i.SourceARN = "x" }, mover.Invalid, "Invalid parameter: ARN account () must match authenticated user."},
		"another service": {func(i *mover.CreateTaskInput) { i.SourceARN = "arn:aws:s3:::b" }, mover.Invalid, "ARN account () must match"},
		"another account": {func(i *mover.CreateTaskInput) {
			i.DestinationARN = strings.Replace(d.SourceARN, "123456789012", "000000000000", 1)
		}, mover.Invalid, "ARN account (000000000000) must match"},
		"unknown":          {func(i *mover.CreateTaskInput) { i.SourceARN = d.SourceARN[:len(d.SourceARN)-4] + "zzzz" }, mover.NotFound, "not found"},
		"same":             {func(i *mover.CreateTaskInput) { i.DestinationARN = i.SourceARN }, mover.Invalid, "different"},
		"include wildcard": {func(i *mover.CreateTaskInput) { i.Includes = "*.txt" }, mover.Invalid, "Includes"},
		"exclude NUL":      {func(i *mover.CreateTaskInput) { i.Excludes = "a\x00" }, mover.Invalid, "Excludes"},
		"long filter":      {func(i *mover.CreateTaskInput) { i.Excludes = strings.Repeat("x", 102401) }, mover.Invalid, "Excludes"},
		"reserved tag":     {func(i *mover.CreateTaskInput) { i.Tags = map[string]string{"aws:x": ""} }, mover.Invalid, "reserved"},
	} {
		in := base
		c.change(&in)
		_, err := s.CreateTask(t.Context(), in)
		t.Run(name, func(t *testing.T) { refused(t, err, c.kind, c.bad) }) //nolint:paralleltest // shares the service
	}
}

func TestService_UpdateTask(t *testing.T) {
	t.Parallel()
	fake := movertest.NewEngine()
	store := &movertest.Memory{}
	s := movertest.Start(t, mover.Config{Run: fake.Run, Store: store})
	task := pair(t, s, mover.Options{VerifyMode: "NONE"})
	update := mover.UpdateTaskInput{ARN: task, Name: new("n"), Includes: new("/i"), Excludes: new("*/x"), Options: mover.Options{LogLevel: "BASIC"}}
	if err := s.UpdateTask(t.Context(), update); err != nil {
		t.Fatal(err)
	}
	if _, err := s.StartTaskExecution(t.Context(), mover.StartInput{TaskARN: task}); err != nil {
		t.Fatal(err)
	}
	run := fake.Next(t)
	if run.Job.Includes != "/i" || run.Job.Excludes != "*/x" || run.Job.Options.VerifyMode != "NONE" {
		t.Errorf("job = %+v", run.Job)
	}
	if err := s.UpdateTask(t.Context(), mover.UpdateTaskInput{ARN: task, Includes: new("")}); err != nil {
		t.Fatal(err)
	}
	run.Finish(engine.Result{}, nil)
	movertest.Until(t, "task free", func() bool {
		d, err := s.DescribeTask(t.Context(), task)
		return err == nil && d.Status == mover.TaskAvailable
	})
	if _, err := s.StartTaskExecution(t.Context(), mover.StartInput{TaskARN: task, Excludes: new("")}); err != nil {
		t.Fatal(err)
	}
	run = fake.Next(t)
	if run.Job.Includes != "" || run.Job.Excludes != "" {
		t.Errorf("job = %+v", run.Job)
	}
	run.Finish(engine.Result{}, nil)
	refused(t, s.UpdateTask(t.Context(), mover.UpdateTaskInput{ARN: task, Includes: new("a*b")}), mover.Invalid, "Includes")
	refused(t, s.UpdateTask(t.Context(), mover.UpdateTaskInput{ARN: task + "x"}), mover.NotFound, "not found")
	stop(t, s)
	s = movertest.Start(t, mover.Config{Store: store})
	if d, err := s.DescribeTask(t.Context(), task); err != nil || d.Name != "n" || d.Includes != "" || d.Excludes != "*/x" || d.Options.LogLevel != "BASIC" {
		t.Errorf("task after restart = %+v, %v", d, err)
	}
}

func TestService_ListTasks(t *testing.T) {
	t.Parallel()
	s := movertest.Start(t, mover.Config{})
	one, two := pair(t, s, mover.Options{}), pair(t, s, mover.Options{})
	d, err := s.DescribeTask(t.Context(), one)
	if err != nil {
		t.Fatal(err)
	}
	for _, location := range []string{d.SourceARN, d.DestinationARN} {
		found, _, err := s.ListTasks(t.Context(), []mover.ListFilter{{Name: "LocationId", Operator: "Equals", Values: []string{location}}}, mover.Page{})
		if err != nil || len(found) != 1 || found[0].ARN != one {
			t.Errorf("tasks of %s = %+v, %v", location, found, err)
		}
		found, _, err = s.ListTasks(t.Context(), []mover.ListFilter{{Name: "LocationId", Operator: "NotEquals", Values: []string{location}}}, mover.Page{})
		if err != nil || len(found) != 1 || found[0].ARN != two {
			t.Errorf("tasks not of %s = %+v, %v", location, found, err)
		}
	}
	both := []mover.ListFilter{
		{Name: "LocationId", Operator: "Equals", Values: []string{d.SourceARN}},
		{Name: "CreationTime", Operator: "LessThan", Values: []string{"2000-01-01 00:00:00"}},
	}
	if found, _, err := s.ListTasks(t.Context(), both, mover.Page{}); err != nil || len(found) != 0 {
		t.Errorf("filters do not combine: %+v, %v", found, err)
	}
}

func TestService_ListTaskExecutions(t *testing.T) {
	t.Parallel()
	s := movertest.Start(t, mover.Config{})
	task, other := pair(t, s, mover.Options{}), pair(t, s, mover.Options{})
	var want []string
	for range 5 {
		arn := start(t, s, task, "")
		ended(t, s, arn)
		want = append([]string{arn}, want...)
	}
	elsewhere := start(t, s, other, "")
	ended(t, s, elsewhere)
	list := func(task string, size int) (got []string) {
		t.Helper()
		page := mover.Page{Max: size}
		for {
			found, next, err := s.ListTaskExecutions(t.Context(), task, page)
			if err != nil || len(found) > size {
				t.Fatalf("%d on a page of %d, %v", len(found), size, err)
			}
			for _, e := range found {
				got = append(got, e.ARN)
			}
			if page.Token = next; next == "" {
				return got
			}
		}
	}
	if got := list(task, 2); !slices.Equal(got, want) {
		t.Errorf("executions = %v, want %v", got, want)
	}
	if got := list("", 6); !slices.Equal(got, append([]string{elsewhere}, want...)) {
		t.Errorf("all executions = %v", got)
	}
	_, _, err := s.ListTaskExecutions(t.Context(), task+"x", mover.Page{})
	refused(t, err, mover.NotFound, "not found")
	_, _, err = s.ListTaskExecutions(t.Context(), "", mover.Page{Token: "bm9uZQ"})
	refused(t, err, mover.Invalid, "NextToken")
}

func TestService_Tags(t *testing.T) {
	t.Parallel()
	store := &movertest.Memory{}
	fake := movertest.NewEngine()
	s := movertest.Start(t, mover.Config{Store: store, Run: fake.Run})
	task := pair(t, s, mover.Options{})
	d, err := s.DescribeTask(t.Context(), task)
	if err != nil {
		t.Fatal(err)
	}
	agents, _, err := s.ListAgents(t.Context(), mover.Page{})
	if err != nil {
		t.Fatal(err)
	}
	done := start(t, s, task, "/1")
	fake.Next(t).Finish(engine.Result{}, nil)
	ended(t, s, done)
	live := start(t, s, task, "/2")
	run := fake.Next(t)
	resources := []string{task, d.SourceARN, agents[0].ARN, done, live}
	for _, arn := range resources {
		if err := s.TagResource(t.Context(), arn, map[string]string{"a": "1", "b": "", "c": "3"}); err != nil {
			t.Errorf("tag %s: %v", arn, err)
		}
		if err := s.UntagResource(t.Context(), arn, []string{"a", "unknown"}); err != nil {
			t.Errorf("untag %s: %v", arn, err)
		}
	}
	run.Finish(engine.Result{}, nil)
	ended(t, s, live)
	stop(t, s)
	s = movertest.Start(t, mover.Config{Store: store})
	for _, arn := range resources {
		first, next, err := s.ListTagsForResource(t.Context(), arn, mover.Page{Max: 1})
		second, end, err2 := s.ListTagsForResource(t.Context(), arn, mover.Page{Max: 1, Token: next})
		if err != nil || err2 != nil || !slices.Equal(append(first, second...), []mover.Tag{{Key: "b"}, {Key: "c", Value: "3"}}) || end != "" {
			t.Errorf("tags of %s = %v %v, %v %v", arn, first, second, err, err2)
		}
	}
	many := map[string]string{}
	for r := range 49 {
		many[fmt.Sprint(r)] = ""
	}
	refused(t, s.TagResource(t.Context(), task, many), mover.Invalid, "at most 50")
	for arn, fragment := range map[string]string{
		task + "0": "not found", d.SourceARN + "0": "not found", agents[0].ARN + "0": "does not exist", done + "0": "not found", "x": "not found",
	} {
		refused(t, s.TagResource(t.Context(), arn, map[string]string{"k": "v"}), mover.NotFound, fragment)
	}
}

func TestService_Agents(t *testing.T) {
	t.Parallel()
	store := &movertest.Memory{}
	s := movertest.Start(t, mover.Config{Store: store, Version: "1.2.3"})
	list, _, err := s.ListAgents(t.Context(), mover.Page{})
	if err != nil || len(list) != 1 || !list[0].Online || list[0].Version != "1.2.3" {
		t.Fatalf("agents = %+v, %v", list, err)
	}
	if err := s.UpdateAgent(t.Context(), list[0].ARN, "here"); err != nil {
		t.Fatal(err)
	}
	stop(t, s)
	s = movertest.Start(t, mover.Config{Store: store})
	d, err := s.DescribeAgent(t.Context(), list[0].ARN)
	if err != nil || d.Name != "here" || time.Since(d.LastConnection) > time.Minute {
		t.Errorf("agent after restart = %+v, %v", d, err)
	}
	_, err = s.DescribeAgent(t.Context(), list[0].ARN+"x")
	refused(t, err, mover.NotFound, "does not exist")
}

func TestService_Subscribe(t *testing.T) {
	t.Parallel()
	fake := movertest.NewEngine()
	s := movertest.Start(t, mover.Config{Run: fake.Run})
	task := pair(t, s, mover.Options{})
	events, end := s.Subscribe(100)
	slow, _ := s.Subscribe(1) // never read: must block nobody
	first, second, third := start(t, s, task, "/1"), start(t, s, task, "/2"), start(t, s, task, "/3")
	if err := s.CancelTaskExecution(t.Context(), third); err != nil {
		t.Fatal(err)
	}
	fake.Next(t).Finish(engine.Result{}, nil)
	fake.Next(t).Finish(engine.Result{Code: "X"}, nil)
	ended(t, s, second)
	end()
	got := map[string][]string{}
	for e := range events {
		if e.Source != "aws.datasync" || e.DetailType != "DataSync Task Execution State Change" || len(e.Resources) != 1 || e.Account != "123456789012" || len(e.ID) != 36 {
			t.Errorf("event = %+v", e)
		}
		got[e.Resources[0]] = append(got[e.Resources[0]], e.Detail.State)
	}
	for arn, want := range map[string][]string{
		first:  {"LAUNCHING", "PREPARING", "SUCCESS"},
		second: {"QUEUED", "LAUNCHING", "PREPARING", "ERROR"},
		third:  {"QUEUED", "CANCELLING", "ERROR"},
	} {
		if !slices.Equal(got[arn], want) {
			t.Errorf("events of %s = %v, want %v", arn, got[arn], want)
		}
	}
	if len(got) != 3 || len(slices.Collect(maps.Keys(got))) != 3 {
		t.Errorf("events of %d executions", len(got))
	}
	stop(t, s)
	n := 0
	for range slow { // closed by Stop
		n++
	}
	if n != 1 {
		t.Errorf("slow subscriber got %d events", n)
	}
	if late, _ := s.Subscribe(1); len(late) != 0 {
		t.Error("a stopped service published")
	}
}
