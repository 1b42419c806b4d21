package lambda_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/datasync"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	dynamotypes "github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"github.com/aws/aws-sdk-go-v2/service/eventbridge"
	eventtypes "github.com/aws/aws-sdk-go-v2/service/eventbridge/types"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/aws/aws-sdk-go-v2/service/ssm"
	ssmtypes "github.com/aws/aws-sdk-go-v2/service/ssm/types"
)

// deployment is CloudFormation for the resources that do something: what the
// template says, made by API calls, and updated when the parameters change.
type deployment struct {
	stack    string
	template *template
	refs     map[string]string
	// made are the logical IDs that exist.
	made map[string]bool

	sqs      *sqs.Client
	dynamo   *dynamodb.Client
	ssm      *ssm.Client
	events   *eventbridge.Client
	datasync *datasync.Client
	// visibility replaces the queue's visibility timeout, in seconds, so that
	// a test need not wait for it; 0 keeps the template's.
	visibility int
	// targets are queues that stand for the functions as targets of rules.
	targets map[string]string
	// kept are the tasks that could not be removed, and why.
	kept []error
}

// order is what is made first, by type; what is not listed needs nothing done.
func order() []string {
	return []string{
		"AWS::S3::Bucket", "AWS::IAM::Role", "AWS::Logs::LogGroup", "AWS::Logs::ResourcePolicy", "AWS::SQS::Queue", "AWS::DynamoDB::Table", "AWS::DataSync::LocationS3",
		"AWS::DataSync::LocationObjectStorage", "AWS::DataSync::Task", "AWS::SSM::Parameter", "AWS::Lambda::Function", "AWS::Events::Rule",
	}
}

func (d *deployment) resolver() *resolver {
	return &resolver{template: d.template, refs: d.refs, pseudo: map[string]string{
		"AWS::Region": region, "AWS::AccountId": account, "AWS::Partition": "aws", "AWS::StackName": d.stack, "AWS::URLSuffix": "amazonaws.com",
	}}
}

// update makes what the template has and removes what it has not any more.
func (d *deployment) update(ctx context.Context, next *template) error {
	old := d.template
	d.template = next
	for _, kind := range order() {
		for _, id := range slices.Sorted(maps.Keys(next.Resources)) {
			if next.Resources[id].Type != kind || d.made[id] {
				continue
			}
			properties, exists, err := d.resolver().properties(id)
			if err == nil && exists {
				err = d.create(ctx, kind, id, properties)
			}
			if err != nil {
				return fmt.Errorf("create %s %s: %w", kind, id, err)
			}
			if exists {
				d.made[id] = true
			}
		}
	}
	if old == nil {
		return nil
	}
	for _, kind := range slices.Backward(order()) {
		for id, res := range old.Resources {
			if _, still := next.Resources[id]; still || res.Type != kind || !d.made[id] {
				continue
			}
			if err := d.remove(ctx, kind, id); err != nil {
				return fmt.Errorf("remove %s %s: %w", kind, id, err)
			}
			delete(d.made, id)
		}
	}
	return nil
}

func (d *deployment) create(ctx context.Context, kind, id string, p map[string]any) error {
	switch kind {
	case "AWS::S3::Bucket":
		d.refs[id], d.refs[id+".Arn"] = d.stack+"-"+strings.ToLower(id), "arn:aws:s3:::"+d.stack+"-"+strings.ToLower(id)
	case "AWS::IAM::Role", "AWS::Logs::ResourcePolicy":
		d.refs[id], d.refs[id+".Arn"] = id, "arn:aws:iam::"+account+":role/"+d.stack+"-"+id
	case "AWS::Logs::LogGroup":
		name := fmt.Sprint(p["LogGroupName"])
		d.refs[id], d.refs[id+".Arn"] = name, "arn:aws:logs:"+region+":"+account+":log-group:"+name+":*"
	case "AWS::Lambda::Function":
		name := fmt.Sprint(p["FunctionName"])
		d.refs[id], d.refs[id+".Arn"] = name, functionARN(name)
	case "AWS::SQS::Queue":
		return d.createQueue(ctx, id, p)
	case "AWS::DynamoDB::Table":
		return d.createTable(ctx, id, p)
	case "AWS::DataSync::LocationS3":
		in, err := into[datasync.CreateLocationS3Input](p)
		if err != nil {
			return err
		}
		out, err := d.datasync.CreateLocationS3(ctx, in)
		if err == nil {
			d.refs[id] = *out.LocationArn
		}
		return err
	case "AWS::DataSync::LocationObjectStorage":
		in, err := into[datasync.CreateLocationObjectStorageInput](p)
		if err != nil {
			return err
		}
		out, err := d.datasync.CreateLocationObjectStorage(ctx, in)
		if err == nil {
			d.refs[id] = *out.LocationArn
		}
		return err
	case "AWS::DataSync::Task":
		in, err := into[datasync.CreateTaskInput](p)
		if err != nil {
			return err
		}
		out, err := d.datasync.CreateTask(ctx, in)
		if err == nil {
			d.refs[id] = *out.TaskArn
		}
		return err
	case "AWS::SSM::Parameter":
		return d.createParameter(ctx, id, p)
	case "AWS::Events::Rule":
		return d.createRule(ctx, id, p)
	}
	return nil
}

func functionARN(name string) string {
	return "arn:aws:lambda:" + region + ":" + account + ":function:" + name
}

func (d *deployment) createQueue(ctx context.Context, id string, p map[string]any) error {
	attributes := map[string]string{}
	for name, value := range p {
		switch value := value.(type) {
		case map[string]any:
			raw, err := json.Marshal(value)
			if err != nil {
				return err
			}
			attributes[name] = string(raw)
		default:
			if name != "QueueName" {
				attributes[name] = text(value)
			}
		}
	}
	if _, ok := attributes["VisibilityTimeout"]; ok && d.visibility > 0 {
		attributes["VisibilityTimeout"] = fmt.Sprint(d.visibility)
	}
	name := fmt.Sprint(p["QueueName"])
	out, err := d.sqs.CreateQueue(ctx, &sqs.CreateQueueInput{QueueName: &name, Attributes: attributes})
	if err != nil {
		return err
	}
	d.refs[id], d.refs[id+".Arn"], d.refs[id+".QueueName"] = *out.QueueUrl, "arn:aws:sqs:"+region+":"+account+":"+name, name
	return nil
}

func (d *deployment) createTable(ctx context.Context, id string, p map[string]any) error {
	ttl, _ := p["TimeToLiveSpecification"].(map[string]any)
	in, err := into[dynamodb.CreateTableInput](p)
	if err != nil {
		return err
	}
	in.TableName = aws.String(d.stack + "-" + id)
	if _, err := d.dynamo.CreateTable(ctx, in); err != nil {
		return err
	}
	_, err = d.dynamo.UpdateTimeToLive(ctx, &dynamodb.UpdateTimeToLiveInput{TableName: in.TableName, TimeToLiveSpecification: &dynamotypes.TimeToLiveSpecification{
		AttributeName: aws.String(fmt.Sprint(ttl["AttributeName"])), Enabled: aws.Bool(true),
	}})
	d.refs[id], d.refs[id+".Arn"] = *in.TableName, "arn:aws:dynamodb:"+region+":"+account+":table/"+*in.TableName
	return err
}

func (d *deployment) createParameter(ctx context.Context, id string, p map[string]any) error {
	in, err := into[ssm.PutParameterInput](p)
	if err != nil {
		return err
	}
	in.Type = ssmtypes.ParameterTypeString
	_, err = d.ssm.PutParameter(ctx, in)
	d.refs[id] = *in.Name
	return err
}

// createRule makes a rule whose targets are the queues that stand for the
// functions.
func (d *deployment) createRule(ctx context.Context, id string, p map[string]any) error {
	pattern, err := json.Marshal(p["EventPattern"])
	if err != nil {
		return err
	}
	name := fmt.Sprint(p["Name"])
	d.refs[id] = name
	_, err = d.events.PutRule(ctx, &eventbridge.PutRuleInput{Name: &name, EventPattern: aws.String(string(pattern)), State: eventtypes.RuleStateEnabled})
	if err != nil {
		return err
	}
	targets, _ := p["Targets"].([]any)
	for _, target := range targets {
		t, _ := target.(map[string]any)
		queue, ok := d.targets[fmt.Sprint(t["Arn"])]
		if !ok {
			return fmt.Errorf("target %v is no function", t["Arn"])
		}
		if _, err := d.events.PutTargets(ctx, &eventbridge.PutTargetsInput{Rule: &name, Targets: []eventtypes.Target{{Id: aws.String(fmt.Sprint(t["Id"])), Arn: &queue}}}); err != nil {
			return err
		}
	}
	if len(targets) == 0 {
		return errors.New("the rule has no target")
	}
	return nil
}

// remove removes what a smaller pool does not have. What is in use stays, as it
// does when CloudFormation has given up cleaning up after an update.
func (d *deployment) remove(ctx context.Context, kind, id string) error {
	switch kind {
	case "AWS::DataSync::Task":
		if _, err := d.datasync.DeleteTask(ctx, &datasync.DeleteTaskInput{TaskArn: aws.String(d.refs[id])}); err != nil {
			d.kept = append(d.kept, fmt.Errorf("%s: %w", id, err))
		}
	case "AWS::SSM::Parameter":
		_, err := d.ssm.DeleteParameter(ctx, &ssm.DeleteParameterInput{Name: aws.String(d.refs[id])})
		return err
	case "AWS::Events::Rule":
		name := d.refs[id]
		targets, err := d.events.ListTargetsByRule(ctx, &eventbridge.ListTargetsByRuleInput{Rule: &name})
		if err != nil {
			return err
		}
		var ids []string
		for _, t := range targets.Targets {
			ids = append(ids, *t.Id)
		}
		_, err = d.events.RemoveTargets(ctx, &eventbridge.RemoveTargetsInput{Rule: &name, Ids: ids})
		if err == nil {
			_, err = d.events.DeleteRule(ctx, &eventbridge.DeleteRuleInput{Name: &name})
		}
		return err
	}
	return nil
}
