package mover

import "context"

// DescribeAgent returns an agent and its state. The embedded agent lives in
// this process: it is online and was seen just now.
func (s *Service) DescribeAgent(_ context.Context, arn string) (AgentDescription, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	a, err := s.agent(arn)
	if err != nil {
		return AgentDescription{}, err
	}
	return s.describeAgent(a), nil
}

// agent returns an agent. s.mu must be held.
func (s *Service) agent(arn string) (Agent, error) {
	if err := s.usable(); err != nil {
		return Agent{}, err
	}
	a, ok := s.agents[arn]
	if !ok {
		return Agent{}, notFound("Agent %s does not exist.", lastPart(arn))
	}
	return a.clone(), nil
}

func (s *Service) describeAgent(a Agent) AgentDescription {
	return AgentDescription{Agent: a, Online: true, LastConnection: s.opts.Now(), Version: s.opts.Version}
}

// ListAgents returns agents in order of their ARNs.
func (s *Service) ListAgents(_ context.Context, page Page) ([]AgentDescription, string, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := s.usable(); err != nil {
		return nil, "", err
	}
	var found []AgentDescription
	for _, a := range s.agents {
		found = append(found, s.describeAgent(a.clone()))
	}
	return cut(found, func(d AgentDescription) string { return d.ARN }, "agents", page)
}

// UpdateAgent renames an agent.
func (s *Service) UpdateAgent(ctx context.Context, arn, name string) error {
	s.admin.Lock()
	defer s.admin.Unlock()
	s.mu.Lock()
	a, err := s.agent(arn)
	s.mu.Unlock()
	if err != nil {
		return err
	}
	a.Name = name
	return s.putAgent(ctx, "update agent", a)
}

// putAgent commits a changed agent. s.admin must be held.
func (s *Service) putAgent(ctx context.Context, operation string, a Agent) error {
	if err := s.commit(ctx, operation, Change{Agents: []Agent{a}}); err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.agents[a.ARN] = a
	return nil
}
