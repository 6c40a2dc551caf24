//! The attributes of `sel4-microkit` and `sel4-root-task`, which say where a program starts.

#![forbid(unsafe_code)]

use proc_macro::{TokenStream, TokenTree};

/// Documented where `sel4-microkit` re-exports it.
#[proc_macro_attribute]
pub fn protection_domain(attr: TokenStream, item: TokenStream) -> TokenStream {
    starts_with("::sel4_microkit::protection_domain_starts_with", attr, item)
}

/// Documented where `sel4-root-task` re-exports it.
#[proc_macro_attribute]
pub fn root_task(attr: TokenStream, item: TokenStream) -> TokenStream {
    starts_with("::sel4_root_task::root_task_starts_with", attr, item)
}

/// The function as it is, and a call of `declaration` with its name and the attribute's arguments.
fn starts_with(declaration: &str, attr: TokenStream, item: TokenStream) -> TokenStream {
    let mut tokens = item.clone().into_iter();
    let keyword = tokens.find(|token| matches!(token, TokenTree::Ident(word) if word.to_string() == "fn"));
    let added = match keyword.and_then(|_| tokens.next()) {
        Some(name) => format!("{declaration}! {{ {name} {attr} }}"),
        None => "::core::compile_error! { \"a program starts with a function\" }".to_owned(),
    };
    // It is made of what the compiler has parsed already.
    let added: TokenStream = added.parse().unwrap_or_default();
    item.into_iter().chain(added).collect()
}
