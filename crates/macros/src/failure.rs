//! `#[derive(RpcError)]`: a program's errors as the exceptions that Python knows.

mod message;
mod parse;
mod render;

use proc_macro2::TokenStream;
use syn::{Attribute, Ident, LitStr, Path, Type};

/// An enum of errors, as the derive reads it.
struct Failures {
    ident: Ident,
    krate: Path,
    /// Whether `Display` is written from the variants' messages.
    display: bool,
    variants: Vec<Variant>,
}

struct Variant {
    ident: Ident,
    cfgs: Vec<Attribute>,
    kind: VariantKind,
}

enum VariantKind {
    /// One remote exception.
    Exception {
        module: LitStr,
        class: LitStr,
        message: Option<LitStr>,
        /// Part of the methods' contract: logged at debug.
        expected: bool,
        fields: Fields,
    },
    /// Another error type, which speaks for itself.
    Transparent(Box<Type>),
}

enum Fields {
    None,
    /// The exception's keyword arguments.
    Named(Vec<Field>),
    /// The exception's positional arguments.
    Positional(Vec<Field>),
}

struct Field {
    /// The field's own name, or `field_0`, `field_1`… for those without.
    ident: Ident,
    /// The keyword on the wire.
    name: LitStr,
    ty: Type,
}

pub(crate) fn expand(item: TokenStream) -> TokenStream {
    match syn::parse2(item).and_then(|input| parse::parse(&input)) {
        Ok(failures) => render::render(&failures),
        Err(errors) => errors.into_compile_error(),
    }
}
