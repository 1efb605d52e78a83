//! `#[derive(VersionedObject)]`: a struct as a class of OpenStack's versioned objects.

mod parse;
mod render;

use proc_macro2::TokenStream;
use syn::{Expr, Ident, LitStr, Path, Type};

use crate::version::Version;

/// A class of objects, as the derive reads it.
struct Class {
    ident: Ident,
    krate: Path,
    name: LitStr,
    version: Version,
    namespace: Path,
    make_compatible: Option<Path>,
    list: bool,
    absent_defaults: bool,
    header: Ident,
    fields: Vec<Field>,
}

struct Field {
    ident: Ident,
    /// The name on the wire.
    name: LitStr,
    ty: Type,
    since: Option<Version>,
    default: Option<Expr>,
    /// Versions of the class with those of the objects in the field.
    relationships: Vec<(Version, Version)>,
}

pub(crate) fn expand(item: TokenStream) -> TokenStream {
    match syn::parse2(item).and_then(|input| parse::parse(&input)) {
        Ok(class) => render::render(&class),
        Err(errors) => errors.into_compile_error(),
    }
}

#[cfg(test)]
mod tests;
