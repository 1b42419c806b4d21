package cli

import (
	"context"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/hikyaku/hikyaku"
	"github.com/hikyaku/hikyaku/console"
)

// completeTimeout keeps a shell from hanging on a server that does not answer.
const completeTimeout = 2 * time.Second

type completer func(cmd *cobra.Command, args []string, toComplete string) ([]string, cobra.ShellCompDirective)

func (a *app) completes(c *cobra.Command, flag string, f completer) {
	if err := c.RegisterFlagCompletionFunc(flag, f); err != nil {
		panic("cli: " + err.Error()) // the flag does not exist: a mistake in this package
	}
}

func fixed(c *cobra.Command, flag string, values ...string) {
	err := c.RegisterFlagCompletionFunc(flag, cobra.FixedCompletions(values, cobra.ShellCompDirectiveNoFileComp))
	if err != nil {
		panic("cli: " + err.Error()) // the flag does not exist: a mistake in this package
	}
}

// asking gives f a client and little time. Completion never fails aloud.
func (a *app) asking(cmd *cobra.Command, f func(context.Context, *console.Client) ([]string, error)) ([]string, cobra.ShellCompDirective) {
	ctx := cmd.Context()
	if ctx == nil {
		ctx = context.Background()
	}
	ctx, cancel := context.WithTimeout(ctx, completeTimeout)
	defer cancel()
	api, err := a.api(ctx)
	if err != nil {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	out, err := f(ctx, api)
	if err != nil {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	slices.Sort(out)
	return slices.Compact(out), cobra.ShellCompDirectiveNoFileComp
}

// completed is how many transfers are looked through for words.
const completed = 200

// completeIDs offers the IDs (or, once one has been begun, transfer_ids) of
// the newest transfers in the given states; none is all. With most > 0 no more
// arguments than that are completed.
func (a *app) completeIDs(most int, states ...hikyaku.State) completer {
	return func(cmd *cobra.Command, args []string, toComplete string) ([]string, cobra.ShellCompDirective) {
		if most > 0 && len(args) >= most {
			return nil, cobra.ShellCompDirectiveNoFileComp
		}
		return a.asking(cmd, func(ctx context.Context, api *console.Client) ([]string, error) {
			list, err := api.Transfers(ctx, console.Filter{Query: toComplete, States: states, Limit: completed})
			return names(list.Transfers, args, toComplete), err
		})
	}
}

// completeDeadLetters offers the IDs whose dead letter waits for a person.
func (a *app) completeDeadLetters(most int) completer {
	return func(cmd *cobra.Command, args []string, toComplete string) ([]string, cobra.ShellCompDirective) {
		if most > 0 && len(args) >= most {
			return nil, cobra.ShellCompDirectiveNoFileComp
		}
		return a.asking(cmd, func(ctx context.Context, api *console.Client) ([]string, error) {
			list, err := api.DeadLetters(ctx, console.Filter{Limit: completed})
			return names(list.DeadLetters, args, toComplete), err
		})
	}
}

// shortestTransferID is how much of a transfer_id must be typed to mean one.
const shortestTransferID = 4

func names(transfers []hikyaku.Transfer, args []string, toComplete string) []string {
	var out []string
	for _, t := range transfers {
		switch {
		case slices.Contains(args, t.ID):
		case strings.HasPrefix(t.ID, toComplete) && console.Printable(t.ID) == t.ID:
			out = append(out, t.ID+"\t"+string(t.State))
		case len(toComplete) >= shortestTransferID && strings.HasPrefix(t.TransferID, toComplete):
			out = append(out, t.TransferID+"\t"+strings.TrimSpace(console.Printable(t.ID)+" "+string(t.State)))
		}
	}
	return out
}

// completeStates completes the last of a list with commas.
func (a *app) completeStates(_ *cobra.Command, _ []string, toComplete string) ([]string, cobra.ShellCompDirective) {
	before := toComplete[:strings.LastIndexByte(toComplete, ',')+1]
	chosen := strings.Split(strings.ToLower(before), ",")
	var out []string
	for _, s := range console.States() {
		if word := strings.ToLower(string(s)); !slices.Contains(chosen, word) {
			out = append(out, before+word+"\t"+console.StateWord(string(s), a.lang))
		}
	}
	return out, cobra.ShellCompDirectiveNoFileComp
}

// completeRoutes offers the routes as the first argument or a flag's value.
func (a *app) completeRoutes(cmd *cobra.Command, _ []string, toComplete string) ([]string, cobra.ShellCompDirective) {
	return a.asking(cmd, func(ctx context.Context, api *console.Client) ([]string, error) {
		list, err := api.Routes(ctx)
		var out []string
		for _, r := range list.Routes {
			if strings.HasPrefix(r.Name, toComplete) {
				out = append(out, r.Name+"\t"+r.Source+" → "+r.Destination)
			}
		}
		return out, err
	})
}

// completeRoute offers the arguments of a route's action.
func (a *app) completeRoute(action string) completer {
	return func(cmd *cobra.Command, args []string, toComplete string) ([]string, cobra.ShellCompDirective) {
		switch {
		case len(args) == 0:
			return a.completeRoutes(cmd, args, toComplete)
		case len(args) == 1 && action == "limit":
			return []string{"1MiB", "10MiB", "100MiB", "1GiB", "unlimited\t" + a.t("complete_unlimited")}, cobra.ShellCompDirectiveNoFileComp
		}
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
}

// completeTasks offers the tasks that an action makes sense for.
func (a *app) completeTasks(action string) completer {
	return func(cmd *cobra.Command, args []string, toComplete string) ([]string, cobra.ShellCompDirective) {
		if len(args) > 0 {
			return nil, cobra.ShellCompDirectiveNoFileComp
		}
		return a.asking(cmd, func(ctx context.Context, api *console.Client) ([]string, error) {
			pool, err := api.Pool(ctx, "")
			var out []string
			for _, t := range pool.Tasks {
				if strings.HasPrefix(t.ARN, toComplete) && (t.State == hikyaku.Benched) == (action == "unbench") {
					out = append(out, t.ARN+"\t"+t.Route+" "+string(t.State))
				}
			}
			return out, err
		})
	}
}

// completeCodes offers the error codes with their titles.
func (a *app) completeCodes(_ *cobra.Command, _ []string, toComplete string) ([]string, cobra.ShellCompDirective) {
	var out []string
	for _, e := range hikyaku.Catalogue() {
		if strings.HasPrefix(e.Code, strings.ToUpper(toComplete)) {
			out = append(out, e.Code+"\t"+e.Text(string(a.lang)).Title)
		}
	}
	return out, cobra.ShellCompDirectiveNoFileComp
}

// completeAges offers times to select from.
func (a *app) completeAges(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) {
	return []string{
		"1h\t" + a.t("complete_hours"), "24h\t" + a.t("complete_day"), "7d\t" + a.t("complete_week"),
	}, cobra.ShellCompDirectiveNoFileComp | cobra.ShellCompDirectiveKeepOrder
}

// completeCommands offers the commands below those that were named.
func completeCommands(cmd *cobra.Command, args []string, toComplete string) ([]string, cobra.ShellCompDirective) {
	target, _, err := cmd.Root().Find(args)
	if err != nil {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	var out []string
	for _, c := range target.Commands() {
		if c.IsAvailableCommand() && strings.HasPrefix(c.Name(), toComplete) {
			out = append(out, c.Name()+"\t"+c.Short)
		}
	}
	return out, cobra.ShellCompDirectiveNoFileComp
}
