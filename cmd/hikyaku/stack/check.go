package stack

import (
	"context"
	"encoding/json"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	dynamotypes "github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"github.com/aws/aws-sdk-go-v2/service/sns"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	sqstypes "github.com/aws/aws-sdk-go-v2/service/sqs/types"
	"github.com/aws/aws-sdk-go-v2/service/ssm"

	"github.com/hikyaku/hikyaku"
	"github.com/hikyaku/hikyaku/console"
	"github.com/hikyaku/hikyaku/dynamo"
	"github.com/hikyaku/hikyaku/lambda"
)

// check is one run of doctor's checks.
type check struct {
	report
	stack *Stack
	// route is the stack's as the function operate says it; no name: unknown.
	route hikyaku.Route
	pool  hikyaku.Pool
}

// Diagnose looks at everything that the stack needs to work, and changes
// nothing. One check that fails keeps no other from running.
func (s *Stack) Diagnose(ctx context.Context, lang console.Lang) []Finding {
	c := &check{report: report{lang: lang}, stack: s}
	c.credentials(ctx)
	c.ok("stack", c.t("%s is %s in %s", "%s は %s です (%s)", s.Name, s.Status, s.Region()))
	if !strings.HasSuffix(s.Status, "_COMPLETE") || strings.Contains(s.Status, "DELETE") {
		c.findings[len(c.findings)-1].Status = statusWarn
		c.findings[len(c.findings)-1].Remedy = c.t("wait for the deployment to end, or look at the stack's events", "デプロイの完了を待つか、スタックのイベントを確認してください")
	}
	c.table(ctx)
	c.queue(ctx)
	c.deadLetters(ctx)
	c.function(ctx)
	c.settings(ctx)
	c.tasks(ctx, c.published(ctx))
	c.agents(ctx)
	c.alarms(ctx)
	return c.findings
}

func (c *check) credentials(ctx context.Context) {
	arn, err := c.stack.identity(ctx)
	if err != nil {
		c.failed("credentials", err, "")
		return
	}
	c.ok("credentials", arn)
}

// table checks that the table has the keys and indexes that the ledger reads.
func (c *check) table(ctx context.Context) {
	name := c.stack.Table
	out, err := dynamodb.NewFromConfig(c.stack.cfg).DescribeTable(ctx, &dynamodb.DescribeTableInput{TableName: &name})
	if err != nil {
		if absent(codeOf(err)) {
			e := hikyaku.NewError(hikyaku.CodeTableMissing, "describe table", name, "")
			e.Err = err
			err = e
		}
		c.failed("table", wrap("dynamodb:DescribeTable", name, err), "")
	} else if wrong := wrongKeys(out.Table, dynamo.TableInput(name)); len(wrong) > 0 {
		c.add(statusFail, "table", c.t("%s is not a table of this version: %s", "%s はこの版のテーブルではありません: %s", name, strings.Join(wrong, ", ")),
			c.t("deploy the template of this version", "この版のテンプレートをデプロイしてください"))
		return
	}
	stats, err := c.stack.Ledger().Stats(ctx)
	if err == nil {
		c.pool, err = c.stack.Ledger().Pool(ctx, "")
	}
	if err != nil {
		c.failed("ledger", err, "")
		c.findings[len(c.findings)-1].Status = statusFail // nothing works without it
		return
	}
	counts := stats.Counts[c.stack.Route]
	c.ok("table", c.t("%s answers: %d queued, %d running, %d failed", "%s は応答します: 待機 %d、実行中 %d、失敗 %d",
		name, counts[hikyaku.Queued], counts[hikyaku.Running]+counts[hikyaku.Starting], counts[hikyaku.Failed]))
}

// wrongKeys names what a table has otherwise than it should.
func wrongKeys(have *dynamotypes.TableDescription, want *dynamodb.CreateTableInput) []string {
	keys := func(elements []dynamotypes.KeySchemaElement) string {
		var names []string
		for _, e := range elements {
			names = append(names, string(e.KeyType)+"="+aws.ToString(e.AttributeName))
		}
		slices.Sort(names)
		return strings.Join(names, "/")
	}
	var wrong []string
	if keys(have.KeySchema) != keys(want.KeySchema) {
		wrong = append(wrong, "keys "+keys(have.KeySchema))
	}
	indexes := map[string]string{}
	for _, i := range have.GlobalSecondaryIndexes {
		indexes[aws.ToString(i.IndexName)] = keys(i.KeySchema)
	}
	for _, i := range want.GlobalSecondaryIndexes {
		if got := indexes[aws.ToString(i.IndexName)]; got != keys(i.KeySchema) {
			wrong = append(wrong, "index "+aws.ToString(i.IndexName)+" "+got)
		}
	}
	return wrong
}

func (c *check) attributes(ctx context.Context, url string) (map[string]string, error) {
	out, err := sqs.NewFromConfig(c.stack.cfg).GetQueueAttributes(ctx, &sqs.GetQueueAttributesInput{
		QueueUrl: &url, AttributeNames: []sqstypes.QueueAttributeName{sqstypes.QueueAttributeNameAll},
	})
	if err != nil {
		return nil, wrap("sqs:GetQueueAttributes", url, err)
	}
	return out.Attributes, nil
}

// leastReceives is below what a receive count makes letters of what a
// throttled function left alone.
const leastReceives = 5

func (c *check) queue(ctx context.Context) {
	a, err := c.attributes(ctx, c.stack.QueueURL)
	if err != nil {
		c.failed("queue", err, c.t("deploy the stack again", "スタックをデプロイし直してください"))
		return
	}
	var policy struct {
		Target   string          `json:"deadLetterTargetArn"` //nolint:tagliatelle // SQS's names
		Receives json.RawMessage `json:"maxReceiveCount"`     //nolint:tagliatelle // a number, or a string of one
	}
	bad := func(english, japanese string, args ...any) {
		c.add(statusFail, "queue", c.t(english, japanese, args...), c.t("deploy the stack again: its redrive policy was changed", "再投入ポリシーが変えられています。スタックをデプロイし直してください"))
	}
	if err := json.Unmarshal([]byte(a["RedrivePolicy"]), &policy); err != nil {
		bad("it has no redrive policy", "再投入ポリシーがありません")
		return
	}
	receives, _ := strconv.Atoi(strings.Trim(string(policy.Receives), `"`)) // 0 is too few
	switch {
	case c.stack.DLQARN != "" && policy.Target != c.stack.DLQARN:
		bad("its dead letters go to %s, not to %s", "デッドレターの送り先が %s です (%s ではありません)", policy.Target, c.stack.DLQARN)
	case receives < leastReceives:
		bad("maxReceiveCount is %d; at least %d", "maxReceiveCount が %d です (%d 以上が必要)", receives, leastReceives)
	default:
		c.ok("queue", c.t("%s: %s messages, dead letters after %d receives", "%s: メッセージ %s 件、%d 回受信でデッドレター",
			c.stack.QueueURL, a["ApproximateNumberOfMessages"], receives))
	}
}

func (c *check) deadLetters(ctx context.Context) {
	a, err := c.attributes(ctx, c.stack.DLQURL)
	if err != nil {
		c.failed("dead letters", err, c.t("deploy the stack again", "スタックをデプロイし直してください"))
		return
	}
	if n := a["ApproximateNumberOfMessages"]; n != "0" {
		c.add(statusWarn, "dead letters", c.t("%s wait for a person", "対応待ちが %s 件あります", n), "hikyaku dlq --stack "+c.stack.Name)
		return
	}
	c.ok("dead letters", c.t("none", "ありません"))
}

// function shakes hands with the function operate: a request that changes nothing.
func (c *check) function(ctx context.Context) {
	began := c.stack.now()
	raw, err := c.stack.invoke(ctx, []byte(`{"op":"`+string(lambda.OpRoutes)+`"}`))
	var reply lambda.Reply
	if err == nil {
		err = json.Unmarshal(raw, &reply)
	}
	if err == nil {
		err = reply.Error.Err()
	}
	if err != nil {
		c.failed("commands", err, c.t("look at the log of %s", "%s のログを確認してください", c.stack.Function))
		return
	}
	if reply.Result != nil {
		for _, r := range reply.Result.Routes {
			if r.Name == c.stack.Route {
				c.route = r.Route()
			}
		}
	}
	switch {
	case reply.Version != lambda.ProtocolVersion:
		c.add(statusFail, "commands", c.t("%s speaks version %d, this program %d", "%s の版は %d、このプログラムの版は %d です", c.stack.Function, reply.Version, lambda.ProtocolVersion),
			c.t("use the program of the deployed version, or deploy this one's", "デプロイした版のプログラムを使うか、この版をデプロイしてください"))
	case c.route.Name == "":
		c.add(statusFail, "commands", c.t("%s does not know the route %s", "%s はルート %s を知りません", c.stack.Function, c.stack.Route), c.t("deploy the stack again", "スタックをデプロイし直してください"))
	default:
		c.ok("commands", c.t("%s answers after %s: %s → %s", "%s が %s で応答しました: %s → %s", c.stack.Function,
			c.stack.now().Sub(began).Round(time.Millisecond), c.route.Source, c.route.Destination))
	}
}

func (c *check) settings(ctx context.Context) {
	name := c.stack.Settings
	if name == "" || c.route.Name == "" {
		return // of a version without, or the function has said what is wrong
	}
	out, err := ssm.NewFromConfig(c.stack.cfg).GetParameter(ctx, &ssm.GetParameterInput{Name: &name})
	if err != nil {
		c.failed("settings", wrap("ssm:GetParameter", name, err), c.t("deploy the stack again", "スタックをデプロイし直してください"))
		return
	}
	d, err := lambda.ParseDocument(aws.ToString(out.Parameter.Value), c.route)
	switch {
	case err != nil:
		c.failed("settings", err, "")
	case d.Paused:
		c.add(statusWarn, "settings", c.t("the route is paused: %s", "ルートは一時停止中です: %s", d.PausedReason), "hikyaku route resume "+c.stack.Route+" --stack "+c.stack.Name)
	default:
		c.ok("settings", c.t("%s is valid", "%s は正しい文書です", name))
	}
}

// published are the tasks under the stack's SSM path, by ARN; it checks that
// the ledger's pool is the same.
func (c *check) published(ctx context.Context) []string {
	path := c.stack.PoolPath
	if path == "" {
		return nil
	}
	arns := map[string]bool{}
	pages := ssm.NewGetParametersByPathPaginator(ssm.NewFromConfig(c.stack.cfg), &ssm.GetParametersByPathInput{Path: &path, Recursive: aws.Bool(true)})
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if err != nil {
			c.failed("pool", wrap("ssm:GetParametersByPath", path, err), "")
			return nil
		}
		for _, p := range page.Parameters {
			arns[aws.ToString(p.Value)] = true
		}
	}
	var wrong []string
	idle := 0
	seen := map[string]bool{}
	for _, t := range c.pool.Tasks {
		seen[t.ARN] = true
		switch {
		case t.Route != c.stack.Route || t.State == hikyaku.Draining:
		case !arns[t.ARN]:
			wrong = append(wrong, c.t("%s is not under the path any more", "%s はパスにもうありません", short(t.ARN)))
		case t.State == hikyaku.Benched:
			c.add(statusWarn, "pool", c.t("%s is benched: %s", "%s は休止中です: %s", short(t.ARN), t.BenchedReason), "hikyaku pool unbench "+t.ARN+" --stack "+c.stack.Name)
		default:
			idle++
		}
	}
	for _, arn := range slices.Sorted(maps.Keys(arns)) {
		if !seen[arn] {
			wrong = append(wrong, c.t("%s has not joined", "%s がまだ加わっていません", short(arn)))
		}
	}
	switch {
	case len(arns) == 0:
		wrong = append(wrong, c.t("there is no task under %s", "%s にタスクがありません", path))
		fallthrough
	case len(wrong) > 0:
		c.add(statusFail, "pool", strings.Join(wrong, "; "), c.t("wait a minute for the function refresh; then look at its log", "関数 refresh を 1 分待ち、それでも同じならそのログを確認してください"))
	default:
		c.ok("pool", c.t("%d tasks under %s, %d of them can work", "%[2]s にタスク %[1]d 個、うち稼働可能 %[3]d 個", len(arns), path, idle))
	}
	return slices.Sorted(maps.Keys(arns))
}

// short is the end of an ARN that people tell tasks and agents apart by.
func short(arn string) string { return arn[strings.LastIndexByte(arn, '/')+1:] }

func (c *check) alarms(ctx context.Context) {
	topic := c.stack.AlarmTopic
	if topic == "" {
		return
	}
	confirmed, pending := 0, 0
	pages := sns.NewListSubscriptionsByTopicPaginator(sns.NewFromConfig(c.stack.cfg), &sns.ListSubscriptionsByTopicInput{TopicArn: &topic})
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if err != nil {
			c.failed("alarms", wrap("sns:ListSubscriptionsByTopic", topic, err), "")
			return
		}
		for _, s := range page.Subscriptions {
			if strings.HasPrefix(aws.ToString(s.SubscriptionArn), "arn:") {
				confirmed++
			} else {
				pending++
			}
		}
	}
	if confirmed == 0 {
		c.add(statusWarn, "alarms", c.t("nobody hears of them: %d subscriptions are unconfirmed", "誰にも届きません (未確認の購読 %d 件)", pending),
			c.t("confirm the mail from AWS, or subscribe somebody to %s", "AWS からの確認メールに応じるか、%s を購読してください", topic))
		return
	}
	c.ok("alarms", c.t("subscriptions: %d", "購読 %d 件", confirmed))
}
