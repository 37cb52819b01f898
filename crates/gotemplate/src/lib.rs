//! Go's text/template: text and values in, text out.
