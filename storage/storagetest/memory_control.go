package storagetest

import (
	"maps"
	"slices"
	"strings"

	"github.com/hikyaku/hikyaku/storage"
)

// SetFault replaces the fault; nil means none.
func (m *Memory) SetFault(f Fault) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.fault = f
}

// SetTamper makes the store keep something else than it was given: f's
// result replaces the content of each finished file. nil means none.
func (m *Memory) SetTamper(f func(path string, content []byte) []byte) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.tamper = f
}

// Put stores content at e.Path as another program would: e's times, POSIX and
// Object are kept, its ETag and Size computed. Parents are made.
func (m *Memory) Put(e storage.Entry, content string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.store(e, []byte(content), nil)
}

// Delete drops path, and all below it if it is a directory.
func (m *Memory) Delete(path string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for k := range m.items {
		if k == m.key(path) || strings.HasSuffix(path, "/") && strings.HasPrefix(k, m.key(path)) {
			delete(m.items, k)
		}
	}
}

// Tree returns all contents by path; directories have their trailing slash
// and an empty content.
func (m *Memory) Tree() map[string]string {
	m.mu.Lock()
	defer m.mu.Unlock()
	tree := make(map[string]string, len(m.items))
	for _, it := range m.items {
		tree[it.entry.Path] = string(it.content)
	}
	return tree
}

// Staged returns how many files are staged and not yet published or discarded.
func (m *Memory) Staged() int {
	m.mu.Lock()
	defer m.mu.Unlock()
	n := 0
	for _, c := range m.stages {
		n += c
	}
	return n
}

// Stages returns how many stages are open.
func (m *Memory) Stages() int {
	m.mu.Lock()
	defer m.mu.Unlock()
	return len(m.stages)
}

// Read returns the content at path.
func (m *Memory) Read(path string) (string, bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	it, ok := m.items[m.key(path)]
	if !ok {
		return "", false
	}
	return string(it.content), true
}

// Entry returns the entry at path with all metadata.
func (m *Memory) Entry(path string) (storage.Entry, bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	it, ok := m.items[m.key(path)]
	if !ok {
		return storage.Entry{}, false
	}
	return it.full(), true
}

// Leftovers returns the executions whose stages are open, in byte order.
func (m *Memory) Leftovers() []string {
	m.mu.Lock()
	defer m.mu.Unlock()
	return slices.Sorted(maps.Keys(m.stages))
}
