package dynamo

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"hash/fnv"
	"strconv"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
)

// TTLAttribute is the attribute that DynamoDB's time to live must be set to:
// seconds since 1970 after which an item may be removed.
const TTLAttribute = "expires_at"

// Shards is over how many partitions each busy index is spread. It is part of
// the schema: a table keeps it for life. A partition takes 1,000 write units a
// second and an index at most two per transfer.
const Shards = 4

// The names of the global secondary indexes.
const (
	// indexTimeline has every transfer by creation.
	indexTimeline = "timeline"
	// indexIDs has every transfer by ID, then creation.
	indexIDs = "ids"
	// indexQueue has QUEUED transfers in ready order, and executions.
	indexQueue = "queue"
	// indexAttention has transfers with a failure or a dead letter, and those
	// that are FAILED, CANCELLED or REJECTED, by creation.
	indexAttention = "attention"
)

// The attributes. Short names, because they count as size.
const (
	attrPK = "pk"
	attrSK = "sk"

	attrVersion = "v"   // N: version of the record
	attrRecord  = "rec" // B: the record, see encode
	attrState   = "st"  // S: state of a transfer
	attrRoute   = "rt"  // S: route of a transfer
	attrLastSeq = "es"  // N: largest Seq of a transfer's events
	attrEvents  = "ev"  // L of B: events, one element a commit
	attrHolds   = "lk"  // BOOL: holds ACTIVE
	attrWriter  = "w"   // B: which write this is, so that a retry knows its own

	attrTimeline  = "tp" // S: shard of the timeline
	attrCreated   = "ct" // S: position by creation
	attrIDShard   = "ip" // S: shard of the IDs
	attrIDOrder   = "ix" // S: ID and position
	attrQueue     = "qp" // S: queue of a route's shard, or an execution
	attrQueueAt   = "qs" // S: position in the queue
	attrAttention = "ap" // S: shard of attention
	attrReason    = "wr" // S: waiting reason
	attrCode      = "cd" // S: code of the failure and more, see brief
	attrLetter    = "dl" // S: dead letter

	attrOwner   = "own" // S: transfer_id that holds or held a lock, or has a name
	attrMessage = "mid" // S: message_id of the first message that was accepted of an ID
	attrLast    = "lst" // S: last transfer_id of an ID, if it is not the first

	attrBelow = "bl" // SS: transfer_ids that hold a path below this one

	attrToken  = "tok" // N: token of a task
	attrOnline = "on"  // BOOL: of an agent
	attrSlots  = "sl"  // N: of an agent
	attrBusy   = "bz"  // N: slots taken
	attrFree   = "fr"  // N: slots - busy
	attrDay    = "dy"  // S: day that an agent's next two are of
	attrDayN   = "dn"  // N: transfers that succeeded
	attrDayB   = "db"  // N: bytes sent

	countPrefix = "n_" // N: n_<state>, transfers that ended so
)

// TableInput is the table's schema: the one place that defines keys, indexes
// and billing. Time to live is switched on separately, on TTLAttribute.
func TableInput(name string) *dynamodb.CreateTableInput {
	key := func(hash, sort string) []types.KeySchemaElement {
		return []types.KeySchemaElement{
			{AttributeName: aws.String(hash), KeyType: types.KeyTypeHash},
			{AttributeName: aws.String(sort), KeyType: types.KeyTypeRange},
		}
	}
	index := func(name, hash, sort string, include ...string) types.GlobalSecondaryIndex {
		p := &types.Projection{ProjectionType: types.ProjectionTypeKeysOnly}
		if len(include) > 0 {
			p = &types.Projection{ProjectionType: types.ProjectionTypeInclude, NonKeyAttributes: include}
		}
		return types.GlobalSecondaryIndex{IndexName: aws.String(name), KeySchema: key(hash, sort), Projection: p}
	}
	var attributes []types.AttributeDefinition
	for _, a := range []string{
		attrPK, attrSK, attrTimeline, attrCreated, attrIDShard, attrIDOrder, attrQueue, attrQueueAt, attrAttention,
	} {
		attributes = append(attributes, types.AttributeDefinition{
			AttributeName: aws.String(a), AttributeType: types.ScalarAttributeTypeS,
		})
	}
	return &dynamodb.CreateTableInput{
		TableName: aws.String(name), BillingMode: types.BillingModePayPerRequest,
		AttributeDefinitions: attributes, KeySchema: key(attrPK, attrSK),
		GlobalSecondaryIndexes: []types.GlobalSecondaryIndex{
			index(indexTimeline, attrTimeline, attrCreated, attrRoute),
			index(indexIDs, attrIDShard, attrIDOrder),
			index(indexQueue, attrQueue, attrQueueAt, attrReason, attrCreated),
			index(indexAttention, attrAttention, attrCreated, attrState, attrCode, attrLetter, attrRoute),
		},
	}
}

// key is a table key.
type key struct{ pk, sk string }

func (k key) item() item { return item{attrPK: str(k.pk), attrSK: str(k.sk)} }

const (
	head     = "#" // sort key of the only or main item of a partition
	poolPK   = "POOL"
	taskSK   = "T#"
	agentSK  = "A#"
	routeSK  = "R#"
	knownSK  = "N#"
	eventsSK = "E#"
	// sep sorts before everything an ID may contain.
	sep = "\x00"
)

func transferKey(transferID string) key { return key{"T#" + transferID, head} }
func uniqueKey(name string) key         { return key{"U#" + bounded(name), head} }
func idKey(route, id string) key        { return key{"I#" + bounded(route+sep+id), head} }
func lockKey(route, path string) key    { return key{"L#" + bounded(route+sep+path), head} }
func countKey(route, id string) key     { return key{"C#" + shard(id), head + route} }
func outboxKey(id string) key           { return key{"O#" + shard(id), bounded(id)} }

// eventsKey is where events up to a Seq went that had no room on the transfer.
func eventsKey(transferID string, seq int64) key {
	return key{transferKey(transferID).pk, eventsSK + digits(seq)}
}

// maxKey keeps keys within DynamoDB's limits: 1024 bytes for sort keys, with
// room for a position behind it.
const maxKey = 900

// bounded is a name as part of a key: long ones end in their hash.
func bounded(s string) string {
	s = strings.ToValidUTF8(s, "\uFFFD")
	if len(s) <= maxKey {
		return s
	}
	sum := sha256.Sum256([]byte(s))
	return strings.ToValidUTF8(s[:maxKey-70], "") + "\x01" + hex.EncodeToString(sum[:])
}

// shard spreads names evenly.
func shard(name string) string {
	h := fnv.New32a()
	_, _ = h.Write([]byte(name)) // never fails
	sum := h.Sum32()
	return shardName(int((sum ^ sum>>16) % Shards))
}

func shardName(n int) string { return strconv.Itoa(n) }

func queuePK(route, shard string) string { return "Q#" + route + "#" + shard }

// loosePK has STARTING and RUNNING transfers without a task, which the pool
// does not lead to.
func loosePK(shard string) string { return "A#" + shard }

// executionPK finds the transfer of an execution: by a hash of the ARN, which is shorter.
func executionPK(arn string) string {
	sum := sha256.Sum256([]byte(arn))
	return "X#" + base64.RawURLEncoding.EncodeToString(sum[:16])
}

const (
	// ready sorts before parked, so that one query finds both.
	ready  = "R"
	parked = "W"
	// after sorts after every position with the same beginning.
	after = "~"
)

// digits is a number that sorts as text: 13 digits of base 32.
func digits(n int64) string {
	s := strconv.FormatInt(max(n, 0), 32)
	return strings.Repeat("0", 13-len(s)) + s
}

const digitsLen = 13

// nanos is a time as stored; the zero time, and what 63 bits of nanoseconds
// cannot hold, sorts before or after everything.
func nanos(t time.Time) int64 {
	switch {
	case t.Year() < 1970:
		return 0
	case t.Year() > 2261:
		return 1<<63 - 1
	}
	return max(t.UnixNano(), 0)
}

func moment(t time.Time) string { return digits(nanos(t)) }

// momentOf reads what moment wrote at the beginning of s.
func momentOf(s string) (time.Time, bool) {
	if len(s) < digitsLen {
		return time.Time{}, false
	}
	n, err := strconv.ParseInt(s[:digitsLen], 32, 64)
	return time.Unix(0, n).UTC(), err == nil
}

// position orders transfers by creation, and those of the same nanosecond by
// the end of their transfer_id, which is random.
func position(created time.Time, transferID string) string {
	return moment(created) + transferID[max(0, len(transferID)-tail):]
}

// tail is how much of a transfer_id a position carries.
const tail = 6

// place is a transfer's position in lists.
type place struct{ at, transferID string }
