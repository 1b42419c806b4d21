// Package local is the storage driver for folders of this machine.
//
// Every name is resolved inside the root by openat-style calls ([os.Root] for
// folders, single-component calls relative to an open folder below that), so
// neither ".." nor a symbolic link leads out. Symbolic links are listed and
// copied as links; a link inside the root that points to a folder inside it
// may stand in the middle of a path that is opened or published.
//
// Files are staged in ROOT/.hikyaku/EXECUTION/ and renamed into place, so a
// half-written file never carries its final name. Where a file came from is
// kept in the extended attribute user.hikyaku.origin; where the file system has
// none, in ROOT/.hikyaku/origins.d, the only thing that outlives a clean run
// there (the dot keeps it apart from executions, whose names have none).
//
// Not guaranteed: protection from somebody who moves folders of the root
// elsewhere while files are being published into them, and hard links, sparse
// files, ACLs or foreign extended attributes, none of which are kept.
package local
