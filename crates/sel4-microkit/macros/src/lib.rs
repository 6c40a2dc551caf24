//! The attribute of `sel4-microkit`.

#![forbid(unsafe_code)]

use proc_macro::{TokenStream, TokenTree};

/// Declares a function to be the protection domain's initialisation function; documented where `sel4-microkit`
/// re-exports it.
#[proc_macro_attribute]
pub fn protection_domain(attr: TokenStream, item: TokenStream) -> TokenStream {
    let declaration = match function_name(item.clone()) {
        Some(name) => format!("::sel4_microkit::declare_protection_domain! {{ init = {name}, {attr} }}"),
        None => "::core::compile_error! { \"expected a function\" }".to_owned(),
    };
    let mut output: TokenStream = declaration.parse().unwrap_or_default();
    output.extend(item);
    output
}

/// The identifier after the first `fn` of an item.
fn function_name(item: TokenStream) -> Option<String> {
    let mut tokens = item.into_iter().skip_while(|token| token.to_string() != "fn");
    tokens.next();
    match tokens.next() {
        Some(TokenTree::Ident(name)) => Some(name.to_string()),
        _ => None,
    }
}
