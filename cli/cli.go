package cli

import (
	"context"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/hikyaku/hikyaku"
	"github.com/hikyaku/hikyaku/console"
)

// Deps is what the command line works with.
type Deps struct {
	// Args are the arguments after the program's name.
	Args           []string
	Stdin          io.Reader
	Stdout, Stderr io.Writer
	Getenv         func(string) string
	// IsTerminal tells whether Stdout is one; Size is its columns and rows,
	// nil is 100 by 30.
	IsTerminal bool
	Size       func() (columns, rows int)
	Now        func() time.Time
	// Client connects; nil is Dial.
	Client func(context.Context, Connection) (*console.Client, error)
	// ReadEndpoints reads DIR/endpoints.json; nil reads the file.
	ReadEndpoints func(dataDir string) (Endpoints, error)
	// Extra are the commands that are not clients of the API.
	Extra   []*cobra.Command
	Version string
}

// app is one invocation.
type app struct {
	Deps
	lang   console.Lang
	output string
	query  *query
	conn   connectionFlags
	client *console.Client
}

// New returns the command tree. Its error output is left to Main, or to
// PrintError.
func New(d Deps) *cobra.Command {
	a := &app{Deps: d, lang: Language(d)}
	if a.ReadEndpoints == nil {
		a.ReadEndpoints = readEndpoints
	}
	if a.Client == nil {
		a.Client = Dial
	}
	root := &cobra.Command{
		Use: "hikyaku", Short: a.t("root_short"), Long: a.t("root_long"),
		SilenceErrors: true, SilenceUsage: true, TraverseChildren: false,
		Args: a.knownCommand,
		RunE: func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	root.SetArgs(d.Args)
	root.SetIn(d.Stdin)
	root.SetOut(d.Stdout)
	root.SetErr(d.Stderr)
	a.globalFlags(root)
	root.AddGroup(
		&cobra.Group{ID: groupWork, Title: a.t("group_work")},
		&cobra.Group{ID: groupSystem, Title: a.t("group_system")},
		&cobra.Group{ID: groupServer, Title: a.t("group_server")},
	)
	for group, commands := range map[string][]*cobra.Command{
		groupWork: {
			a.sendCommand(), a.transfersCommand(), a.showCommand(), a.watchCommand(), a.logsCommand(),
			a.rerunCommand(), a.cancelCommand(),
		},
		groupSystem: {a.poolCommand(), a.agentsCommand(), a.dlqCommand(), a.eventsCommand(), a.routeCommand(), a.auditCommand()},
		groupServer: d.Extra,
		"":          {a.versionCommand(), a.completionCommand(), a.manCommand()},
	} {
		for _, c := range commands {
			if c.GroupID == "" {
				c.GroupID = group
			}
			root.AddCommand(c)
		}
	}
	a.translateHelp(root)
	return root
}

const (
	groupWork   = "work"
	groupSystem = "system"
	groupServer = "server"
)

// Main runs the command line, tells errors on Stderr, and returns the exit code.
func Main(ctx context.Context, d Deps) int {
	root := New(d) //nolint:contextcheck // commands carry it
	err := root.ExecuteContext(ctx)
	if err != nil {
		PrintError(d.Stderr, err, wantsJSON(root), Language(d))
	}
	return ExitCode(err)
}

// wantsJSON tells whether errors are to be JSON, also when a flag was wrong.
func wantsJSON(root *cobra.Command) bool {
	f := root.PersistentFlags().Lookup("output")
	return f != nil && f.Value.String() == FormatJSON
}

// Language is what people are spoken to in: --lang in Args, else HIKYAKU_LANG,
// LC_ALL, LC_MESSAGES, LANG, else English.
func Language(d Deps) console.Lang {
	for i, arg := range d.Args {
		if arg == "--" {
			break
		}
		if v, ok := strings.CutPrefix(arg, "--lang="); ok {
			if l, known := console.ParseLang(v); known {
				return l
			}
		}
		if arg == "--lang" && i+1 < len(d.Args) {
			if l, known := console.ParseLang(d.Args[i+1]); known {
				return l
			}
		}
	}
	for _, name := range []string{"HIKYAKU_LANG", "LC_ALL", "LC_MESSAGES", "LANG"} {
		if v := d.Getenv(name); v != "" {
			l, _ := console.ParseLang(v) // another language is spoken to in English
			return l
		}
	}
	return console.LangEnglish
}

func (a *app) globalFlags(root *cobra.Command) {
	f := root.PersistentFlags()
	var lang, expression string
	f.StringVarP(&a.output, "output", "o", FormatTable, a.t("flag_output"))
	f.StringVar(&expression, "query", "", a.t("flag_query"))
	f.StringVar(&a.conn.url, "url", "", a.t("flag_url"))
	f.StringVar(&a.conn.token, "token", "", a.t("flag_token"))
	f.StringVar(&a.conn.data, "data", "", a.t("flag_data"))
	f.StringVar(&a.conn.stack, "stack", "", a.t("flag_stack"))
	f.StringVar(&a.conn.profile, "profile", "", a.t("flag_profile"))
	f.StringVar(&a.conn.region, "region", "", a.t("flag_region"))
	f.StringVar(&lang, "lang", "", a.t("flag_lang"))
	fixed(root, "output", formats()...)
	fixed(root, "lang", "en", "ja")
	root.PersistentPreRunE = func(*cobra.Command, []string) error {
		if !slices.Contains(formats(), a.output) {
			return a.usage("err_output", console.Printable(a.output))
		}
		var err error
		if a.query, err = parseQuery(expression); err != nil {
			return err
		}
		if v := lang; v != "" {
			if _, known := console.ParseLang(v); !known {
				return a.usage("err_lang", console.Printable(v))
			}
		}
		return nil
	}
	root.SetFlagErrorFunc(func(cmd *cobra.Command, err error) error {
		said, _, _ := strings.Cut(err.Error(), ": strconv.") // how Go parses numbers helps nobody
		return a.usage("err_flag", said, cmd.CommandPath())
	})
}

// knownCommand refuses a first word that is no command.
func (a *app) knownCommand(cmd *cobra.Command, args []string) error {
	if len(args) == 0 {
		return nil
	}
	near := cmd.SuggestionsFor(args[0])
	if len(near) > 0 {
		return a.usage("err_command_near", console.Printable(args[0]), strings.Join(near, ", "))
	}
	return a.usage("err_command", strings.TrimPrefix(cmd.CommandPath()+" ", cmd.Root().Name()+" ")+console.Printable(args[0]), cmd.CommandPath())
}

func (a *app) usage(key string, args ...any) error {
	return &hikyaku.Error{Kind: hikyaku.KindInvalid, Message: a.t(key, args...)}
}

// exactly, atLeast and atMost say in the person's language how many arguments
// a command takes.
func (a *app) exactly(n int) cobra.PositionalArgs {
	return func(cmd *cobra.Command, args []string) error {
		if len(args) != n {
			return a.usage("err_args", cmd.UseLine())
		}
		return nil
	}
}

func (a *app) atLeast(n int) cobra.PositionalArgs {
	return func(cmd *cobra.Command, args []string) error {
		if len(args) < n {
			return a.usage("err_args", cmd.UseLine())
		}
		return nil
	}
}

func (a *app) atMost(n int) cobra.PositionalArgs {
	return func(cmd *cobra.Command, args []string) error {
		if len(args) > n {
			return a.usage("err_args", cmd.UseLine())
		}
		return nil
	}
}
