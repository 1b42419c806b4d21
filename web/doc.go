// Package web holds the console's pages: templates, style sheet, script and
// texts in English and Japanese, all embedded. Nothing is fetched from
// elsewhere, nothing is built, and no page holds a script or style inline.
//
// It knows nothing of transfers: the console fills the view models.
package web
