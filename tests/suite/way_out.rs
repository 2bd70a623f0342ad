//! The way out is guarded: no source makes the process talk to where it must not.

use crate::harness::Newsroom;
use crate::wordpress::{Trouble, WordPress};

#[test]
fn a_source_on_a_private_address_is_refused_with_the_key_that_allows_it() {
    let site = WordPress::start();
    let newsroom = Newsroom::new(&site.source_alone());
    let output = newsroom.run(&["pull"]);
    assert_eq!(output.status, 1, "{output:?}");
    let line = output.stderr.trim_end();
    assert!(line.starts_with("website: failed: ") && line.contains("fetch.allow_private"), "{line}");
    assert!(!line.contains('\n'), "{line}");
    assert_eq!(line.matches("127.0.0.1").count(), 1, "{line}");
    assert_eq!(site.requests(), 0, "the site was asked all the same");
}

#[test]
fn a_redirect_to_a_private_address_is_refused_too() {
    let site = WordPress::start();
    // 127.0.0.1 alone may be talked to; the listener would answer at 127.0.0.2 as well.
    let source = site.source().replace("127.0.0.0/8", "127.0.0.1/32");
    let newsroom = Newsroom::new(&source);
    site.publish("Rain", "<p>Much of it.</p>");
    site.suffers(Trouble::Elsewhere(format!("http://127.0.0.2:{}/wp/", site.at.port())));
    let output = newsroom.run(&["pull"]);
    assert_eq!(output.status, 1, "{output:?}");
    assert!(output.stderr.contains("127.0.0.2") && output.stderr.contains("fetch.allow_private"), "{output:?}");
}
