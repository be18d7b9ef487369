// SPDX-License-Identifier: GPL-2.0

//! `#[pin_data]` of the kernel's `pin_init`, for structures whose locks and wait queues are those of
//! loom, which may be moved: the structure stays as it is, without the `#[pin]` of its fields.

use proc_macro::{Delimiter, Group, TokenStream, TokenTree};

/// Takes `#[pin]` from the fields of a structure.
#[proc_macro_attribute]
pub fn pin_data(_arguments: TokenStream, item: TokenStream) -> TokenStream {
    item.into_iter().map(without_pin_inside).collect()
}

/// The same for what is between braces; everything else stays.
fn without_pin_inside(token: TokenTree) -> TokenTree {
    match token {
        TokenTree::Group(fields) if fields.delimiter() == Delimiter::Brace => {
            let kept = without_pin(fields.stream());
            TokenTree::Group(Group::new(Delimiter::Brace, kept))
        }
        token => token,
    }
}

fn without_pin(fields: TokenStream) -> TokenStream {
    let mut kept = Vec::new();
    for token in fields {
        if is_pin(&token) {
            // The `#` before it.
            kept.pop();
        } else {
            kept.push(token);
        }
    }
    kept.into_iter().collect()
}

fn is_pin(token: &TokenTree) -> bool {
    matches!(token, TokenTree::Group(group)
        if group.delimiter() == Delimiter::Bracket && group.stream().to_string() == "pin")
}
