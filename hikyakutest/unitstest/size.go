package unitstest

import (
	"maps"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
)

// Item is a DynamoDB item.
type Item = map[string]types.AttributeValue

// Size is an item's size in bytes by DynamoDB's documented rules: names and
// texts in UTF-8, two digits of a number in a byte and one more, one byte for
// true, false and null, three for a list or a map and one for each element.
func Size(it Item) int {
	n := 0
	for name, v := range it {
		n += len(name) + valueSize(v)
	}
	return n
}

func valueSize(v types.AttributeValue) int {
	n := 0
	switch v := v.(type) {
	case *types.AttributeValueMemberS:
		return len(v.Value)
	case *types.AttributeValueMemberN:
		return numberSize(v.Value)
	case *types.AttributeValueMemberB:
		return len(v.Value)
	case *types.AttributeValueMemberSS:
		for _, s := range v.Value {
			n += len(s)
		}
	case *types.AttributeValueMemberNS:
		for _, s := range v.Value {
			n += numberSize(s)
		}
	case *types.AttributeValueMemberBS:
		for _, b := range v.Value {
			n += len(b)
		}
	case *types.AttributeValueMemberL:
		n = 3
		for _, e := range v.Value {
			n += 1 + valueSize(e)
		}
	case *types.AttributeValueMemberM:
		n = 3
		for name, e := range v.Value {
			n += 1 + len(name) + valueSize(e)
		}
	default:
		return 1
	}
	return n
}

func numberSize(s string) int {
	digits := strings.Trim(strings.TrimLeft(s, "-"), "0.")
	n := (len(digits)+1)/2 + 1
	if strings.HasPrefix(s, "-") {
		n++
	}
	return n
}

// units rounds a size up to units of so many bytes; something costs one.
func units(size, unit int) float64 { return float64(max(1, (size+unit-1)/unit)) }

const (
	writeUnit = 1024
	readUnit  = 4096
)

// index is what of a global secondary index decides what writes cost.
type index struct {
	name    string
	keys    []string
	carries []string // attributes of an entry, nil: all
}

func indexes(schema *dynamodb.CreateTableInput) []index {
	var list []index
	table := keyNames(schema.KeySchema)
	for _, g := range schema.GlobalSecondaryIndexes {
		x := index{name: aws.ToString(g.IndexName), keys: keyNames(g.KeySchema)}
		if g.Projection.ProjectionType != types.ProjectionTypeAll {
			x.carries = slices.Concat(table, x.keys, g.Projection.NonKeyAttributes)
		}
		list = append(list, x)
	}
	return list
}

func keyNames(schema []types.KeySchemaElement) []string {
	var names []string
	for _, k := range schema {
		names = append(names, aws.ToString(k.AttributeName))
	}
	return names
}

// entry is what the index keeps of an item; nil: nothing.
func (x index) entry(it Item) Item {
	for _, k := range x.keys {
		if _, ok := it[k]; !ok {
			return nil
		}
	}
	if x.carries == nil {
		return it
	}
	e := maps.Clone(it)
	maps.DeleteFunc(e, func(name string, _ types.AttributeValue) bool { return !slices.Contains(x.carries, name) })
	return e
}

// cost is what a write of an item costs in the index.
func (x index) cost(before, after Item) float64 {
	old, now := x.entry(before), x.entry(after)
	switch {
	case old == nil && now == nil:
		return 0
	case old == nil:
		return units(Size(now), writeUnit)
	case now == nil:
		return units(Size(old), writeUnit)
	case !same(keep(old, x.keys), keep(now, x.keys)):
		return units(Size(old), writeUnit) + units(Size(now), writeUnit)
	case !same(old, now):
		return units(max(Size(old), Size(now)), writeUnit)
	}
	return 0
}

func keep(it Item, names []string) Item {
	kept := Item{}
	for _, name := range names {
		kept[name] = it[name]
	}
	return kept
}

func same(a, b Item) bool {
	return cmp.Equal(a, b, cmpopts.EquateEmpty(), cmpopts.IgnoreUnexported(
		types.AttributeValueMemberS{}, types.AttributeValueMemberN{}, types.AttributeValueMemberB{}, types.AttributeValueMemberBOOL{},
		types.AttributeValueMemberL{}, types.AttributeValueMemberM{}, types.AttributeValueMemberSS{}, types.AttributeValueMemberNS{},
		types.AttributeValueMemberBS{}, types.AttributeValueMemberNULL{},
	))
}
