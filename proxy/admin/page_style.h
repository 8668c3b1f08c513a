/* The frame and the looks of the inspector's pages: calm, dark where the reader's system is; no script, nothing loaded. */
#ifndef VIADUCT_ADMIN_PAGE_STYLE_H
#define VIADUCT_ADMIN_PAGE_STYLE_H

#define PAGE_OPEN(title)                                                                                                       \
	"<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">"                                                    \
	"<meta name=\"viewport\" content=\"width=device-width\"><meta name=\"color-scheme\" content=\"light dark\">"           \
	"<title>" title "</title><style>"                                                                                      \
	":root{--text:#222;--page:#fff;--soft:#f3f3f3;--line:#ddd;--link:#0a58ca}"                                             \
	"@media(prefers-color-scheme:dark){:root{--text:#ddd;--page:#181818;--soft:#262626;--line:#3a3a3a;--link:#8ab4f8}}"    \
	"body{font:16px/1.5 system-ui,sans-serif;max-width:46em;margin:3em auto;padding:0 1em;"                                \
	"color:var(--text);background:var(--page)}h1{font-size:1.5em}h2{font-size:1.15em;margin-top:2em}"                      \
	"code,pre{font:14px/1.5 ui-monospace,monospace;background:var(--soft);padding:.1em .3em;border-radius:3px}"            \
	"pre{padding:.8em;overflow:auto}td code{overflow-wrap:anywhere}a{color:var(--link)}"                                   \
	"table{border-collapse:collapse}th,td{text-align:left;vertical-align:top;font-weight:normal;"                          \
	"padding:.25em 1.5em .25em 0;border-bottom:1px solid var(--line)}"                                                     \
	"h3{font-size:1em;margin:1.5em 0 .3em}summary{font-weight:600;cursor:pointer;padding:.6em 0}"                          \
	"details{border-bottom:1px solid var(--line)}.files li{padding:.25em 0}"                                               \
	"</style></head><body>\n"
#define PAGE_CLOSE "</body></html>\n"

#endif
