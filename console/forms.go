package console

import (
	"context"
	"net/http"

	"github.com/hikyaku/hikyaku"
)

// form carries out the action of a page's form and leads back to the page.
func (c *Console) form(
	w http.ResponseWriter, r *http.Request, do func(ctx context.Context, req ActRequest, a hikyaku.Act) error,
) error {
	if err := c.canAct(); err != nil {
		return err
	}
	r.Body = http.MaxBytesReader(w, r.Body, maxBody)
	if err := r.ParseForm(); err != nil {
		return invalid("the form cannot be read")
	}
	f := r.PostForm
	req := ActRequest{
		Reason: f.Get("reason"), Force: f.Get("force") == "true", TaskARN: f.Get("task_arn"),
		TransferIDs: f["transfer_id"], All: f.Get("all") == "true",
	}
	if err := do(r.Context(), req, act(r.Context(), req)); err != nil {
		return err
	}
	c.ledger.forget()
	http.Redirect(w, r, backTo(r), http.StatusSeeOther) //nolint:gosec // backTo gives paths of this console only
	return nil
}

func (c *Console) formRerun(w http.ResponseWriter, r *http.Request) error {
	return c.form(w, r, func(ctx context.Context, _ ActRequest, a hikyaku.Act) error {
		_, err := c.op.Rerun(ctx, r.PathValue("transfer_id"), a)
		return err
	})
}

func (c *Console) formCancel(w http.ResponseWriter, r *http.Request) error {
	return c.form(w, r, func(ctx context.Context, _ ActRequest, a hikyaku.Act) error {
		_, err := c.op.Cancel(ctx, r.PathValue("transfer_id"), a)
		return err
	})
}

func (c *Console) formRedrive(w http.ResponseWriter, r *http.Request) error {
	return c.form(w, r, func(ctx context.Context, req ActRequest, a hikyaku.Act) error {
		ids, err := c.chosenDeadLetters(ctx, req)
		if err != nil || len(ids) == 0 {
			return err
		}
		_, err = c.op.RedriveDeadLetters(ctx, ids, a)
		return err
	})
}

func (c *Console) formDiscard(w http.ResponseWriter, r *http.Request) error {
	return c.form(w, r, func(ctx context.Context, req ActRequest, a hikyaku.Act) error {
		ids := req.TransferIDs
		if code := r.PostForm.Get("code"); code != "" && len(ids) == 0 {
			letters, err := c.lettersOf(ctx, code, maxCanary)
			if err != nil {
				return err
			}
			for _, t := range letters {
				ids = append(ids, t.TransferID)
			}
		}
		a, err := c.bulk(ctx, hikyaku.AuditDiscard, len(ids), a)
		if err != nil {
			return err
		}
		for _, id := range ids {
			if err := c.op.DiscardDeadLetter(ctx, id, a); err != nil {
				return err
			}
		}
		return nil
	})
}

func (c *Console) formPause(w http.ResponseWriter, r *http.Request) error {
	return c.form(w, r, func(ctx context.Context, _ ActRequest, a hikyaku.Act) error {
		_, err := c.op.PauseRoute(ctx, r.PathValue("name"), a)
		return err
	})
}

func (c *Console) formResume(w http.ResponseWriter, r *http.Request) error {
	return c.form(w, r, func(ctx context.Context, _ ActRequest, a hikyaku.Act) error {
		_, err := c.op.ResumeRoute(ctx, r.PathValue("name"), a)
		return err
	})
}

func (c *Console) formBench(w http.ResponseWriter, r *http.Request) error {
	return c.form(w, r, func(ctx context.Context, req ActRequest, a hikyaku.Act) error {
		return c.op.Bench(ctx, req.TaskARN, a)
	})
}

func (c *Console) formUnbench(w http.ResponseWriter, r *http.Request) error {
	return c.form(w, r, func(ctx context.Context, req ActRequest, a hikyaku.Act) error {
		return c.op.Unbench(ctx, req.TaskARN, a)
	})
}

// formLimit changes a route's bandwidth, of what runs too.
func (c *Console) formLimit(w http.ResponseWriter, r *http.Request) error {
	return c.form(w, r, func(ctx context.Context, _ ActRequest, a hikyaku.Act) error {
		rate, err := ParseRate(r.PostForm.Get("rate"))
		if err != nil {
			return err
		}
		_, err = c.op.LimitRoute(ctx, r.PathValue("name"), rate, a)
		return err
	})
}

// backTo is where a form leads after its action: a path of this console.
func backTo(r *http.Request) string {
	return localPath(r.PostFormValue("back"))
}
