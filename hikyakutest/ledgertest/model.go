package ledgertest

import (
	"testing"
)

func testModel(*testing.T, suite) {}
