package dynamo_test

import (
	"context"
	"flag"
	"fmt"
	"net/http"
	"os"
	"sync/atomic"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"

	"github.com/hikyaku/hikyaku"
	"github.com/hikyaku/hikyaku/dynamo"
	"github.com/hikyaku/hikyaku/hikyakutest/ledgertest"
	"github.com/hikyaku/hikyaku/hikyakutest/mototest"
)

func TestMain(m *testing.M) {
	flag.Parse()
	if f := flag.Lookup("rapid.checks"); f != nil && f.Value.String() == f.DefValue {
		_ = f.Value.Set("8") // each is hundreds of requests to moto
	}
	os.Exit(m.Run())
}

// moto is a DynamoDB and tables in it.
type moto struct {
	client *dynamodb.Client
	tables atomic.Int64
}

func startMoto(t testing.TB) *moto {
	t.Helper()
	url := mototest.Start(t)
	client := awshttp.NewBuildableClient().WithTransportOptions(func(tr *http.Transport) {
		tr.MaxConnsPerHost = 32 // more than it listens for are reset
	})
	return &moto{client: dynamodb.New(dynamodb.Options{
		Region: "us-east-1", BaseEndpoint: aws.String(url), Credentials: credentials.NewStaticCredentialsProvider("AK", "secret", ""),
		HTTPClient: client, // it tries three times, as functions do: a ledger copes with answers that were lost
	})}
}

// table makes a table and returns its name.
func (m *moto) table(t testing.TB) string {
	t.Helper()
	name := fmt.Sprintf("hikyaku-%d", m.tables.Add(1))
	if _, err := m.client.CreateTable(t.Context(), dynamo.TableInput(name)); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_, err := m.client.DeleteTable(context.WithoutCancel(t.Context()), &dynamodb.DeleteTableInput{TableName: aws.String(name)})
		if err != nil && t.Context().Err() == nil {
			t.Log(err)
		}
	})
	return name
}

// noon is when tests are.
func noon() time.Time { return time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC) }

func (m *moto) ledger(t testing.TB, change ...func(*dynamo.Config)) *dynamo.Ledger {
	t.Helper()
	c := dynamo.Config{Client: m.client, Table: m.table(t), Now: noon, Retention: 30 * 24 * time.Hour}
	for _, f := range change {
		f(&c)
	}
	return dynamo.New(c)
}

func TestLedger(t *testing.T) {
	t.Parallel()
	servers := []*moto{startMoto(t), startMoto(t)} // each uses one processor
	var next atomic.Int64
	ledgertest.Run(t, func(t *testing.T) hikyaku.Ledger {
		t.Helper()
		return servers[next.Add(1)%2].ledger(t)
	})
}
