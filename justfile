# The project's habits. `just` alone lists them.

default:
    @just --list

# build what is shipped: target/dist/courant
build:
    cargo build --locked --profile dist

# all tests, or those whose name contains FILTER
test *FILTER:
    cargo test --locked {{ FILTER }}

# what is inside one process: rendering, compression, the pipeline
bench *FILTER:
    cargo bench --locked --bench inside -- {{ FILTER }}

# served documents against nginx, side by side (needs nginx and wrk)
bench-serve:
    benches/serve.sh

# format the code
fmt:
    cargo fmt

# what .ci/run insists on before the tests
lint:
    cargo fmt --check
    cargo clippy --all-targets --locked -- -D warnings

# the developers' documentation, private items too: target/doc/courant/index.html
doc:
    RUSTDOCFLAGS="-D warnings" cargo doc --no-deps --locked --document-private-items

# licences, sources, known vulnerabilities (needs cargo-deny, 0.18 or later)
deny:
    cargo deny --locked check

# everything that .ci/run does
ci:
    .ci/run

# serve the sample newsroom at http://127.0.0.1:8080/
serve *OPTIONS:
    cargo run --release --locked -- serve {{ OPTIONS }}
