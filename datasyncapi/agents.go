package datasyncapi

import (
	"context"
	"time"

	"github.com/hikyaku/hikyaku/mover"
)

type agentInput struct {
	AgentARN string `json:"AgentArn"`
}

func (in *agentInput) check(c *checker) { c.agent(in.AgentARN) }

type platform struct {
	Version string `json:"Version"`
}

func agentStatus(a mover.AgentDescription) string {
	if a.Online {
		return "ONLINE"
	}
	return "OFFLINE"
}

type describeAgentReply struct {
	AgentARN           string    `json:"AgentArn"`
	Name               string    `json:"Name"`
	Status             string    `json:"Status"`
	LastConnectionTime time.Time `json:"LastConnectionTime"`
	CreationTime       time.Time `json:"CreationTime"`
	EndpointType       string    `json:"EndpointType"`
	Platform           platform  `json:"Platform"`
}

func (a *api) describeAgent(ctx context.Context, in *agentInput) (any, error) {
	d, err := a.mover.DescribeAgent(ctx, in.AgentARN)
	return describeAgentReply{
		AgentARN: d.ARN, Name: d.Name, Status: agentStatus(d), LastConnectionTime: d.LastConnection,
		CreationTime: d.CreatedAt, EndpointType: "PUBLIC", Platform: platform{d.Version},
	}, err
}

type listAgentsInput struct{ paging }

func (in *listAgentsInput) check(c *checker) { c.paging(in.paging) }

type agentEntry struct {
	AgentARN string   `json:"AgentArn"`
	Name     string   `json:"Name"`
	Status   string   `json:"Status"`
	Platform platform `json:"Platform"`
}

type listAgentsReply struct {
	Agents    []agentEntry `json:"Agents"`
	NextToken string       `json:"NextToken"`
}

func (a *api) listAgents(ctx context.Context, in *listAgentsInput) (any, error) {
	found, next, err := a.mover.ListAgents(ctx, in.page())
	reply := listAgentsReply{Agents: make([]agentEntry, len(found)), NextToken: next}
	for i, d := range found {
		reply.Agents[i] = agentEntry{AgentARN: d.ARN, Name: d.Name, Status: agentStatus(d), Platform: platform{d.Version}}
	}
	return reply, err
}

type updateAgentInput struct {
	agentInput
	Name *string `json:"Name"`
}

func (in *updateAgentInput) check(c *checker) {
	c.agent(in.AgentARN)
	c.optional("Name", in.Name, nameMax, c.rules.tagValue)
}

func (a *api) updateAgent(ctx context.Context, in *updateAgentInput) (any, error) {
	if in.Name == nil {
		_, err := a.mover.DescribeAgent(ctx, in.AgentARN)
		return empty{}, err
	}
	return empty{}, a.mover.UpdateAgent(ctx, in.AgentARN, *in.Name)
}
