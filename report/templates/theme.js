// Before the first paint: the theme that the reader chose earlier, if storage may be read.
try { document.documentElement.dataset.theme = localStorage.theme || ""; } catch { /* not allowed */ }
