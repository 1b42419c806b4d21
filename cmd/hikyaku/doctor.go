package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"github.com/hikyaku/hikyaku/cli"
	"github.com/hikyaku/hikyaku/sqlite"
	"github.com/hikyaku/hikyaku/storage"
)

// finding is the result of one check.
type finding struct {
	Check string `json:"check"`
	// Status is ok, warn or fail.
	Status string `json:"status"`
	Detail string `json:"detail"`
	Remedy string `json:"remedy,omitempty"`
}

// diagnosis is what doctor found: text and JSON are made from it.
type diagnosis struct {
	Findings []finding `json:"findings"`
	Failed   int       `json:"failed"`
}

// newDoctorCommand returns hikyaku doctor.
func newDoctorCommand(env environment) *cobra.Command {
	var file string
	var fly stackCanary
	cmd := &cobra.Command{
		Use:   "doctor",
		Short: env.t("Check a server and its locations, or an AWS stack", "サーバーとロケーション、または AWS スタックを確かめる"),
		Long: env.t(`Check what a server needs before it is started, or while it runs: the config,
the ports, the data folder (writable, lockable), the ledger, and each route's
source and destination, including the hidden work folder at the destination.

With --stack check an AWS deployment instead, and change nothing: permissions,
table, queues, functions, settings, the pool and each DataSync task, agents,
alarms. With --canary a file of one byte is put at the source of its route and
delivered, which proves the destination's write permission; it is removed from
the source, and stays at the destination.

Exit codes: 0 all well, 1 something failed.`, `サーバーの起動前や動作中に必要なものを確かめます: 設定、ポート、データフォルダ (書き込みとロック)、
台帳、各ルートの送り元と届け先 (届け先の隠し作業フォルダを含む)。

--stack では AWS のデプロイを、何も変えずに確かめます: 権限、テーブル、キュー、関数、設定文書、
プールと各 DataSync タスク、エージェント、アラーム。--canary ではルートの送り元に 1 バイトの
ファイルを置いて届け、届け先の書き込み権限まで確かめます。送り元からは消し、届け先には残ります。

終了コード: 0 すべて良好、1 何かが失敗。`),
		Example: `  hikyaku doctor
  hikyaku doctor --config hikyaku.yaml
  hikyaku doctor --stack hikyaku-prd --profile operator --canary`,
		Args: exactly(0, ""),
		RunE: func(cmd *cobra.Command, _ []string) error {
			d, err := fly.diagnose(cmd, env, file)
			if err != nil {
				return err
			}
			if err := printResult(env.stdout, outputFormat(cmd), d, d.Findings, d.text); err != nil {
				return err
			}
			if d.Failed > 0 {
				return &cli.ExitError{Code: cli.ExitInternal}
			}
			return nil
		},
	}
	cmd.Flags().StringVar(&file, "config", "", env.t("configuration file (hikyaku.yaml)", "設定ファイル (hikyaku.yaml)"))
	fly.flags(cmd, env)
	return cmd
}

// doctor collects findings.
type doctor struct {
	diagnosis
	env environment
	cfg config
	// running is set when a server holds the data folder.
	running *cli.Endpoints
	keys    keyring
}

func (d *doctor) ok(check, format string, args ...any) {
	d.Findings = append(d.Findings, finding{Check: check, Status: "ok", Detail: fmt.Sprintf(format, args...)})
}

func (d *doctor) warn(check, detail, remedy string) {
	d.Findings = append(d.Findings, finding{Check: check, Status: "warn", Detail: detail, Remedy: remedy})
}

func (d *doctor) fail(check string, err error, remedy string) {
	d.Findings = append(d.Findings, finding{Check: check, Status: "fail", Detail: err.Error(), Remedy: remedy})
	d.Failed++
}

// diagnose runs all checks; one that fails does not keep the others from running.
func diagnose(ctx context.Context, env environment, file, data string) *diagnosis {
	d := &doctor{env: env}
	var err error
	if d.cfg, err = loadConfig(file, data); err != nil {
		d.fail("config", err, d.env.t("correct the file; hikyaku.example.yaml explains every key", "ファイルを直してください。各キーの説明は hikyaku.example.yaml にあります"))
		return &d.diagnosis
	}
	d.ok("config", d.env.t("routes: %s", "ルート: %s"), strings.Join(d.cfg.routeNames(), ", "))
	d.checkData(ctx)
	d.checkPorts(ctx)
	for _, name := range d.cfg.routeNames() {
		r := d.cfg.Routes[name]
		d.checkLocation(ctx, "route "+name+" source", r.Source, false)
		d.checkLocation(ctx, "route "+name+" destination", r.Destination, true)
	}
	return &d.diagnosis
}

// checkData checks the data folder, its lock and the ledger.
func (d *doctor) checkData(ctx context.Context) {
	dir := d.cfg.Data
	if err := os.MkdirAll(dir, 0o700); err != nil {
		d.fail("data folder", err, d.env.t("choose a folder this user may write: --data DIR", "書き込めるフォルダを --data DIR で指定してください"))
		return
	}
	probe := filepath.Join(dir, ".doctor")
	if err := errors.Join(os.WriteFile(probe, nil, 0o600), os.Remove(probe)); err != nil {
		d.fail("data folder", err, d.env.t("give this user the right to write there, or free some space", "書き込み権限を与えるか、空きを作ってください"))
		return
	}
	d.ok("data folder", d.env.t("%s is writable", "%s に書き込めます"), dir)
	lock, err := sqlite.Lock(dir, time.Now())
	if err != nil {
		if e, readErr := readEndpoints(dir); readErr == nil && serverReady(ctx, e.Console) {
			d.running = &e
			d.ok("lock", d.env.t("a server runs here and is ready at %s", "サーバーが動いています: %s"), e.Console)
		} else {
			d.fail("lock", err, d.env.t("end the process that holds the folder, or use another --data", "フォルダを使っているプロセスを終えるか、別の --data を使ってください"))
		}
		return
	}
	defer lock.Unlock() //nolint:errcheck // doctor wrote nothing under it
	d.ok("lock", "%s", d.env.t("free", "空いています"))
	if d.keys, err = loadKeys(dir); err != nil {
		d.fail("keys", err, d.env.t("restore keys.json from a copy, or remove it to make new keys", "keys.json を控えから戻すか、消して新しい鍵を作ってください"))
	}
	ledger, err := sqlite.OpenLedger(ctx, filepath.Join(dir, ledgerFile), ledgerOptions())
	if err != nil {
		d.fail("ledger", err, d.env.t("use the version of hikyaku that wrote it, or restore it from a copy", "書き込んだ版の hikyaku を使うか、控えから戻してください"))
		return
	}
	defer ledger.Close() //nolint:errcheck // read only here
	if _, err := ledger.Stats(ctx); err != nil {
		d.fail("ledger", err, d.env.t("restore ledger.db from a copy", "ledger.db を控えから戻してください"))
		return
	}
	d.ok("ledger", "%s", d.env.t("opens and answers", "開けて、応答します"))
	d.checkStores(ctx)
}

// checkStores checks the databases beside the ledger.
func (d *doctor) checkStores(ctx context.Context) {
	queues, err := sqlite.OpenQueues(ctx, filepath.Join(d.cfg.Data, queueFile))
	if err == nil {
		err = queues.Close()
	}
	if err != nil {
		d.fail("queues", err, d.env.t("restore queue.db from a copy", "queue.db を控えから戻してください"))
	} else {
		d.ok("queues", "%s", d.env.t("open", "開けます"))
	}
	moves, err := sqlite.OpenMover(ctx, filepath.Join(d.cfg.Data, moverFile))
	if err == nil {
		err = moves.Close()
	}
	if err != nil {
		d.fail("mover", err, d.env.t("restore mover.db from a copy", "mover.db を控えから戻してください"))
	} else {
		d.ok("mover", "%s", d.env.t("opens", "開けます"))
	}
}

// checkPorts checks that the listeners' addresses can be bound.
func (d *doctor) checkPorts(ctx context.Context) {
	if d.running != nil {
		return // bound by the server itself
	}
	for _, port := range []struct{ name, addr string }{{"console", d.cfg.Listen.Console}, {"api", d.cfg.Listen.API}, {"s3", d.cfg.Listen.S3}} {
		name, addr := port.name, port.addr
		var lc net.ListenConfig
		l, err := lc.Listen(ctx, "tcp", addr)
		if err != nil {
			d.fail("port "+name, err, fmt.Sprintf(d.env.t("end what listens there, or set listen.%s in the config", "そのポートを使うものを終えるか、設定の listen.%s を変えてください"), name))
			continue
		}
		if err := l.Close(); err != nil {
			d.warn("port "+name, err.Error(), "")
			continue
		}
		d.ok("port "+name, d.env.t("%s is free", "%s は空いています"), addr)
	}
}

// checkLocation checks that a location can be reached, read and, at a
// destination, written, its work folder included.
func (d *doctor) checkLocation(ctx context.Context, check, location string, write bool) {
	ctx, cancel := context.WithTimeout(ctx, 15*time.Second)
	defer cancel()
	drv, err := d.open(ctx, location)
	if errors.Is(err, errEmbeddedDown) {
		d.warn(check, fmt.Sprintf(d.env.t("%s is in the embedded S3, which runs only with the server", "%s は内蔵 S3 にあり、サーバーとともにだけ動きます"), location), d.env.t("run doctor again while the server runs", "サーバーの動作中にもう一度 doctor を実行してください"))
		return
	}
	if err == nil {
		defer drv.Close() //nolint:errcheck // a probe
		if p, ok := drv.(storage.Prober); ok {
			err = p.Probe(ctx, write)
		}
	}
	switch {
	case err != nil && write:
		d.fail(check, err, fmt.Sprintf(d.env.t("create it, and let this user or role read and write it, %s included", "作成し、このユーザーやロールに読み書きを許してください (%s を含む)"), storage.WorkFolder))
	case err != nil:
		d.fail(check, err, d.env.t("create it, and let this user or role list and read it", "作成し、このユーザーやロールに一覧と読み取りを許してください"))
	case write:
		d.ok(check, d.env.t("%s is writable, work folder included", "%s に書き込めます (作業フォルダを含む)"), location)
	default:
		d.ok(check, d.env.t("%s is readable", "%s を読めます"), location)
	}
}

var errEmbeddedDown = errors.New("the embedded S3 is not running")

// open opens a location as the server would.
func (d *doctor) open(ctx context.Context, location string) (storage.Driver, error) {
	access := s3Access{region: d.cfg.S3.Region, profile: d.cfg.S3.Profile, endpoint: d.cfg.S3.Endpoint}
	if strings.HasPrefix(location, "s3://") && d.cfg.S3.Endpoint == embedded {
		if d.running == nil {
			return nil, errEmbeddedDown
		}
		access.endpoint = d.running.S3
		access.key = &accessKey{AccessKeyID: d.running.AccessKeyID, SecretAccessKey: d.running.SecretAccessKey}
	}
	return openLocation(ctx, location, access)
}

// text writes the findings as a table.
func (d *diagnosis) text(w io.Writer) error {
	tw := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	for _, f := range d.Findings {
		fmt.Fprintf(tw, "%s\t%s\t%s\n", f.Status, f.Check, f.Detail) //nolint:errcheck // Flush tells
		if f.Remedy != "" {
			fmt.Fprintf(tw, "\t\t→ %s\n", f.Remedy) //nolint:errcheck // Flush tells
		}
	}
	return tw.Flush()
}
