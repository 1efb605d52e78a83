//! The keys of `#[endpoint(…)]`, `#[rpc_api(…)]` and of `#[rpc(…)]` on methods and arguments.

use proc_macro2::TokenStream;
use syn::meta::ParseNestedMeta;
use syn::parse::Parser;
use syn::punctuated::Punctuated;
use syn::{Attribute, Expr, ExprLit, Lit, LitStr, Meta, Path, Token};

use crate::api::{Expected, Presence, Settings};
use crate::version::Version;

impl Settings {
    pub(crate) fn parse(tokens: TokenStream) -> syn::Result<Self> {
        let (mut krate, mut namespace, mut version, mut legacy) = (None, None, None, None);
        syn::meta::parser(|meta| {
            if meta.path.is_ident("namespace") {
                once(&mut namespace, &meta, named(&meta)?)
            } else if meta.path.is_ident("version") {
                once(&mut version, &meta, Version::parse(text(&meta)?)?)
            } else if meta.path.is_ident("legacy_namespaces") {
                once(&mut legacy, &meta, list_of_names(&meta)?)
            } else if meta.path.is_ident("crate") {
                once(
                    &mut krate,
                    &meta,
                    meta.value()?.call(Path::parse_mod_style)?,
                )
            } else {
                Err(unknown(
                    &meta,
                    "an API takes `namespace`, `version`, `legacy_namespaces` and `crate`",
                ))
            }
        })
        .parse2(tokens)?;
        Ok(Self {
            krate: krate.unwrap_or_else(|| syn::parse_quote!(::bergen)),
            namespace,
            version,
            legacy_namespaces: legacy.unwrap_or_default(),
        })
    }
}

/// `#[rpc(…)]` on a method.
#[derive(Default)]
pub(crate) struct MethodKeys {
    pub(crate) name: Option<LitStr>,
    pub(crate) version: Option<Version>,
    pub(crate) expected: Option<Expected>,
    /// The word `cast`, kept for its place.
    pub(crate) cast: Option<Path>,
}

impl MethodKeys {
    pub(crate) fn parse(attributes: &[Attribute]) -> syn::Result<Self> {
        let mut keys = Self::default();
        each_key(attributes, |meta| {
            if meta.path.is_ident("name") {
                once(&mut keys.name, meta, named(meta)?)
            } else if meta.path.is_ident("version") {
                once(&mut keys.version, meta, Version::parse(text(meta)?)?)
            } else if meta.path.is_ident("expected") {
                once(&mut keys.expected, meta, expected(meta)?)
            } else if meta.path.is_ident("cast") {
                once(&mut keys.cast, meta, meta.path.clone())
            } else {
                Err(unknown(
                    meta,
                    "a method takes `name`, `version`, `expected` and, in an `#[rpc_api]` trait, `cast`",
                ))
            }
        })?;
        Ok(keys)
    }
}

/// `#[rpc(…)]` on an argument.
#[derive(Default)]
pub(crate) struct ArgumentKeys {
    pub(crate) name: Option<LitStr>,
    pub(crate) default: Option<Presence>,
}

impl ArgumentKeys {
    pub(crate) fn parse(attributes: &[Attribute]) -> syn::Result<Self> {
        let mut keys = Self::default();
        each_key(attributes, |meta| {
            if meta.path.is_ident("name") {
                once(&mut keys.name, meta, named(meta)?)
            } else if meta.path.is_ident("default") {
                let value = if meta.input.peek(Token![=]) {
                    Presence::DefaultTo(Box::new(meta.value()?.parse()?))
                } else {
                    Presence::Default
                };
                once(&mut keys.default, meta, value)
            } else {
                Err(unknown(meta, "an argument takes `name` and `default`"))
            }
        })?;
        Ok(keys)
    }
}

/// Whether the attribute is ours.
pub(crate) fn is_rpc(attribute: &Attribute) -> bool {
    attribute.path().is_ident("rpc")
}

/// Runs `read` on each key of each `#[rpc(…)]`; the bare `#[rpc]` has none.
pub(crate) fn each_key(
    attributes: &[Attribute],
    mut read: impl FnMut(&ParseNestedMeta<'_>) -> syn::Result<()>,
) -> syn::Result<()> {
    for attribute in attributes.iter().filter(|attribute| is_rpc(attribute)) {
        match &attribute.meta {
            Meta::Path(_) => {}
            _ => attribute.parse_nested_meta(|meta| read(&meta))?,
        }
    }
    Ok(())
}

/// Fills `slot`, which may be filled only once.
pub(crate) fn once<T>(
    slot: &mut Option<T>,
    meta: &ParseNestedMeta<'_>,
    value: T,
) -> syn::Result<()> {
    if slot.replace(value).is_some() {
        return Err(syn::Error::new_spanned(
            &meta.path,
            format!("`{}` is given twice: keep one", key(meta)),
        ));
    }
    Ok(())
}

/// A string that names something, so it is not empty.
pub(crate) fn named(meta: &ParseNestedMeta<'_>) -> syn::Result<LitStr> {
    not_empty(meta, text(meta)?)
}

/// The string after the `=`.
pub(crate) fn text(meta: &ParseNestedMeta<'_>) -> syn::Result<LitStr> {
    match meta.value()?.parse()? {
        Expr::Lit(ExprLit {
            lit: Lit::Str(text),
            ..
        }) => Ok(text),
        other => {
            let message = format!(
                "`{0}` is a text: write it in quotes, as in `{0} = \"…\"`",
                key(meta)
            );
            Err(syn::Error::new_spanned(other, message))
        }
    }
}

pub(crate) fn unknown(meta: &ParseNestedMeta<'_>, known: &str) -> syn::Error {
    syn::Error::new_spanned(&meta.path, format!("unknown key `{}`: {known}", key(meta)))
}

fn key(meta: &ParseNestedMeta<'_>) -> String {
    let segments = meta.path.segments.iter();
    let words: Vec<_> = segments.map(|segment| segment.ident.to_string()).collect();
    words.join("::")
}

fn not_empty(meta: &ParseNestedMeta<'_>, text: LitStr) -> syn::Result<LitStr> {
    if text.value().is_empty() {
        let message = format!("an empty `{0}` names nothing: leave `{0}` out", key(meta));
        return Err(syn::Error::new(text.span(), message));
    }
    Ok(text)
}

fn list_of_names(meta: &ParseNestedMeta<'_>) -> syn::Result<Vec<LitStr>> {
    let value = meta.value()?;
    let items;
    syn::bracketed!(items in value);
    let names: Punctuated<LitStr, Token![,]> =
        items.parse_terminated(syn::parse::ParseBuffer::parse, Token![,])?;
    names
        .into_iter()
        .map(|name| not_empty(meta, name))
        .collect()
}

fn expected(meta: &ParseNestedMeta<'_>) -> syn::Result<Expected> {
    if !meta.input.peek(syn::token::Paren) {
        return Ok(Expected::All);
    }
    let items;
    syn::parenthesized!(items in meta.input);
    let variants = items.parse_terminated(Path::parse_mod_style, Token![,])?;
    if variants.is_empty() {
        return Err(meta.error(
            "name the expected errors, as in `expected(NotFound)`, or write `expected` for all of them",
        ));
    }
    Ok(Expected::Variants(variants.into_iter().collect()))
}
