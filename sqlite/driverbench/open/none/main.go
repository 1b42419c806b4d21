// Command none is the size of database/sql without a driver.
package main

import (
	"database/sql"
	"os"
)

func main() {
	if _, err := sql.Open("sqlite", os.Args[1]); err == nil {
		panic("there is a driver")
	}
}
