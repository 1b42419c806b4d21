package cli

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/spf13/cobra"

	"github.com/hikyaku/hikyaku"
	"github.com/hikyaku/hikyaku/console"
)

// minNoted is how much of a hash must be given at least: as much as is shown.
const minNoted = 12

// AuditVerdict is the result of audit verify.
type AuditVerdict struct {
	Unbroken bool `json:"unbroken"`
	// Records is how many follow one another from the first, Head the hash of
	// the last of them.
	Records int64  `json:"records"`
	Head    string `json:"head"`
	// Seq and Fault say where the chain is broken, and how; 0 and empty if it is not.
	Seq   int64              `json:"seq"`
	Fault hikyaku.AuditFault `json:"fault"`
}

func (a *app) auditVerifyCommand() *cobra.Command {
	var noted, file string
	c := &cobra.Command{
		Use: "verify", Short: a.t("audit_verify_short"), Long: a.t("audit_verify_long"),
		Example: "  hikyaku audit verify\n  hikyaku audit verify -o json",
		Args:    a.exactly(0),
		RunE: func(cmd *cobra.Command, _ []string) error {
			chain := &hikyaku.AuditChain{Noted: strings.ToLower(strings.TrimSpace(noted))}
			if n := len(chain.Noted); n > 0 && n < minNoted || strings.Trim(chain.Noted, "0123456789abcdef") != "" {
				return a.usage("err_noted", minNoted)
			}
			read := a.chainOfServer
			if file != "" {
				read = func(_ context.Context, chain *hikyaku.AuditChain) (hikyaku.AuditHead, error) {
					return a.chainOfFile(file, chain)
				}
			}
			head, err := read(cmd.Context(), chain)
			if err != nil {
				return err
			}
			return a.verdict(chain, chain.End(head))
		},
	}
	c.Flags().StringVar(&noted, "head", "", a.t("flag_head"))
	c.Flags().StringVar(&file, "file", "", a.t("flag_audit_file"))
	return c
}

// chainOfServer verifies the log as it is streamed, and returns its head. That
// is read first, so that what it is of is there to be read; what was written
// since is read with the head of then.
func (a *app) chainOfServer(ctx context.Context, chain *hikyaku.AuditChain) (hikyaku.AuditHead, error) {
	api, err := a.api(ctx)
	if err != nil {
		return hikyaku.AuditHead{}, err
	}
	for {
		head, err := api.AuditHead(ctx)
		if err != nil {
			return head, err
		}
		before := chain.Head().Seq
		err = api.AuditRecords(ctx, before, func(r hikyaku.AuditRecord) error {
			chain.Add(&r)
			return nil
		})
		if err != nil || chain.Broken() != nil || chain.Head().Seq <= head.Seq || chain.Head().Seq == before {
			return head, err
		}
	}
}

// chainOfFile verifies records that were downloaded. They have no head but
// their last.
func (a *app) chainOfFile(name string, chain *hikyaku.AuditChain) (hikyaku.AuditHead, error) {
	in := a.Stdin
	if name != "-" {
		f, err := os.Open(name) //nolint:gosec // the person names the file
		if err != nil {
			return hikyaku.AuditHead{}, &hikyaku.Error{Kind: hikyaku.KindInvalid, Op: "read audit records", Err: err}
		}
		defer func() { _ = f.Close() }() // it was only read
		in = f
	}
	lines := bufio.NewScanner(in)
	lines.Buffer(nil, 1<<20)
	for n := 1; lines.Scan(); n++ {
		if strings.TrimSpace(lines.Text()) == "" {
			continue
		}
		var r hikyaku.AuditRecord
		if json.Unmarshal(lines.Bytes(), &r) != nil {
			r = hikyaku.AuditRecord{Seq: chain.Head().Seq + 1} // not what was written
		}
		chain.Add(&r)
	}
	if err := lines.Err(); err != nil {
		return hikyaku.AuditHead{}, fmt.Errorf("read audit records of %s: %w", name, err)
	}
	return chain.Head(), nil
}

// verdict says what came of it; a broken chain is the command's error.
func (a *app) verdict(chain *hikyaku.AuditChain, broken *hikyaku.AuditBreak) error {
	v := AuditVerdict{Unbroken: broken == nil, Records: chain.Head().Seq, Head: chain.Head().Hash}
	if broken == nil {
		return a.emit(v, v, func(w io.Writer) error {
			if v.Records == 0 {
				_, err := fmt.Fprintln(w, a.t("audit_empty"))
				return err
			}
			_, err := fmt.Fprintln(w, a.t("audit_unbroken", v.Records, v.Head))
			return err
		})
	}
	v.Seq, v.Fault = broken.Seq, broken.Fault
	if a.output != FormatTable || a.query != nil {
		if err := a.emit(v, v, nil); err != nil {
			return err
		}
	}
	what := a.t("audit_fault_" + string(v.Fault))
	if v.Fault == hikyaku.AuditNoted || v.Fault == hikyaku.AuditHeadOff { // of the whole log
		return a.brokenLog(what)
	}
	return a.brokenLog(a.t("audit_broken", v.Seq, what))
}

func (a *app) brokenLog(message string) error {
	return &console.APIError{
		Code: hikyaku.CodeAuditBroken, Kind: hikyaku.KindCorrupt, Message: message,
		Remedy: console.Remedy(&hikyaku.Failure{Code: hikyaku.CodeAuditBroken}, a.lang),
	}
}
