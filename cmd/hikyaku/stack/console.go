package stack

import (
	"crypto/rand"
	"crypto/subtle"
	"log/slog"
	"time"

	"github.com/hikyaku/hikyaku/console"
)

// pollEvery is how often the table is asked for changes while somebody looks:
// DynamoDB tells nobody of commits.
const pollEvery = 2 * time.Second

// ConsoleOptions say what a console of a stack works with. Logger and Version
// are those of console.Options.
type ConsoleOptions struct {
	// User is shown and goes into the record; empty where nobody is shown.
	User    string
	Logger  *slog.Logger
	Version string
}

// Console returns the console of the stack and the token that it takes, which
// is a new one each time. Whoever has the token may do what the credentials may.
func (s *Stack) Console(o ConsoleOptions) (c *console.Console, token string) {
	token = "hky_" + rand.Text()
	c = console.New(console.Options{
		Ledger: s.Ledger(), Operator: s.Operator(), Files: s.Files(), Now: s.now, Logger: o.Logger, Version: o.Version, PollInterval: pollEvery,
		Authenticate: func(given string) (console.Identity, bool) {
			ok := subtle.ConstantTimeCompare([]byte(given), []byte(token)) == 1
			return console.Identity{Name: o.User, Scopes: []console.Scope{console.ScopeAdmin}}, ok
		},
	})
	return c, token
}

// Client returns a client of a console in this process.
func (s *Stack) Client(version string) *console.Client {
	c, token := s.Console(ConsoleOptions{Version: version})
	return console.NewClient("http://localhost", token, console.InProcess(c))
}
