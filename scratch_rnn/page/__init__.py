"""One self-contained web page that shows a cell at work, step by step: `build.write`.

source (what is read from the files of the two trees: equations, lines, tokens, and which number belongs under
which name), data (what is recorded: runs, gradient flow, padding), document (the derivations as HTML),
build (the file). templates/ has the page's HTML, CSS and JavaScript, and its texts by language.

The page computes nothing: every number on it was recorded by scratch_rnn.trace when the page was built.
"""
