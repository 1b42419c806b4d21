// Package local is the storage driver for folders of this machine.
//
// Every name is resolved inside the root by calls for one component at a time
// that follow no link (openat and its like where there are, else [os.Root]), so
// neither ".." nor a symbolic link leads out. Symbolic links are listed and
// copied as links; one that stands where a folder is needed is a conflict, also
// if it leads to a folder inside the root, or two paths could be one file.
//
// Files are staged in ROOT/.hikyaku/EXECUTION/ and renamed into place, or on
// Linux, if they are the first few of a stage, without any name and linked into
// place; so a half-written file never carries its final name. Where a file came from is
// kept in the extended attribute user.hikyaku.origin; where the file system has
// none, in ROOT/.hikyaku/origins.d, the only thing that outlives a clean run
// there (the dot keeps it apart from executions, whose names have none).
//
// Not guaranteed: protection from somebody who moves folders of the root
// elsewhere while files are being published into them, and hard links, sparse
// files, ACLs or foreign extended attributes, none of which are kept.
package local
