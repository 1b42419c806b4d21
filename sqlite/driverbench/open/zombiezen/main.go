// Command zombiezen opens a database and creates a table: cold start and binary size.
package main

import (
	"os"

	"zombiezen.com/go/sqlite"
	"zombiezen.com/go/sqlite/sqlitex"
)

func main() {
	c, err := sqlite.OpenConn(os.Args[1])
	if err == nil {
		err = sqlitex.ExecuteTransient(c, "CREATE TABLE IF NOT EXISTS t (n INTEGER PRIMARY KEY)", nil)
	}
	if err != nil {
		panic(err)
	}
}
