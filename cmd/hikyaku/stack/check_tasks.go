package stack

import (
	"context"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	datasyncsdk "github.com/aws/aws-sdk-go-v2/service/datasync"
	"github.com/aws/aws-sdk-go-v2/service/datasync/types"
)

// tasks asks DataSync about each task of the pool.
func (c *check) tasks(ctx context.Context, arns []string) {
	client := datasyncsdk.NewFromConfig(c.stack.cfg)
	for _, arn := range arns {
		name := "task " + short(arn)
		out, err := client.DescribeTask(ctx, &datasyncsdk.DescribeTaskInput{TaskArn: &arn})
		if err != nil {
			c.failed(name, wrap("datasync:DescribeTask", arn, err), c.t("deploy the stack again, or remove its parameter under %s", "スタックをデプロイし直すか、%s の下のパラメーターを消してください", c.stack.PoolPath))
			continue
		}
		if wrong := c.wrongTask(out); len(wrong) > 0 {
			c.add(statusFail, name, strings.Join(wrong, "; "), c.t("correct the task in DataSync, or deploy the stack again", "DataSync でタスクを直すか、スタックをデプロイし直してください"))
			continue
		}
		c.ok(name, string(out.Status))
	}
}

// wrongTask names why a task must not be, or cannot be, in the pool.
func (c *check) wrongTask(out *datasyncsdk.DescribeTaskOutput) []string {
	var wrong []string
	say := func(bad bool, english, japanese string, args ...any) {
		if bad {
			wrong = append(wrong, c.t(english, japanese, args...))
		}
	}
	options := out.Options != nil
	say(out.Status != types.TaskStatusAvailable && out.Status != types.TaskStatusRunning, "its status is %s: %s", "状態が %s です: %s",
		out.Status, aws.ToString(out.ErrorDetail))
	say(!options || out.Options.TaskQueueing != types.TaskQueueingDisabled, "TaskQueueing is not DISABLED: executions would wait unseen", "TaskQueueing が DISABLED ではなく、実行が見えないところで待ちます")
	say(options && out.Options.PreserveDeletedFiles == types.PreserveDeletedFilesRemove, "PreserveDeletedFiles is REMOVE: it would delete other IDs' files", "PreserveDeletedFiles が REMOVE で、ほかの ID のファイルが消えます")
	say(scheduled(out), "it has a schedule of its own", "独自のスケジュールがあります")
	say(out.ManifestConfig != nil, "it has a manifest", "マニフェストがあります")
	say(c.stack.SourceLocation != "" && aws.ToString(out.SourceLocationArn) != c.stack.SourceLocation, "its source is %s, the stack's %s", "送り元が %s です (スタックは %s)",
		aws.ToString(out.SourceLocationArn), c.stack.SourceLocation)
	return wrong
}

func scheduled(out *datasyncsdk.DescribeTaskOutput) bool {
	return out.Schedule != nil && aws.ToString(out.Schedule.ScheduleExpression) != "" && out.Schedule.Status != types.ScheduleStatusDisabled
}

// agents asks DataSync about each agent that a task of the pool needs.
func (c *check) agents(ctx context.Context) {
	var arns []string
	for _, t := range c.pool.Tasks {
		if t.Route == c.stack.Route {
			arns = append(arns, t.AgentARNs...)
		}
	}
	slices.Sort(arns)
	arns = slices.Compact(arns)
	if len(arns) == 0 {
		c.ok("agents", c.t("the pool needs none", "プールに必要なエージェントはありません"))
		return
	}
	client := datasyncsdk.NewFromConfig(c.stack.cfg)
	for _, arn := range arns {
		name := "agent " + short(arn)
		out, err := client.DescribeAgent(ctx, &datasyncsdk.DescribeAgentInput{AgentArn: &arn})
		switch {
		case err != nil:
			c.failed(name, wrap("datasync:DescribeAgent", arn, err), c.t("activate the agent again, or deploy without it", "エージェントを再度有効化するか、外してデプロイしてください"))
		case out.Status != types.AgentStatusOnline:
			c.add(statusFail, name, c.t("%s is %s, last heard of at %s", "%s は %s です (最終応答 %s)", aws.ToString(out.Name), out.Status, aws.ToTime(out.LastConnectionTime).UTC().Format("2006-01-02T15:04:05Z")),
				c.t("see that its machine runs and reaches AWS on port 443", "エージェントのマシンが動き、443 番ポートで AWS に届くか確認してください"))
		default:
			c.ok(name, c.t("%s is online", "%s はオンラインです", aws.ToString(out.Name)))
		}
	}
}
