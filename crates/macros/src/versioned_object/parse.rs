//! From the struct to the description.

use syn::ext::IdentExt;
use syn::meta::ParseNestedMeta;
use syn::punctuated::Punctuated;
use syn::{Attribute, Data, DeriveInput, Expr, Ident, LitStr, Path, Token};

use super::{Class, Field};
use crate::errors::Errors;
use crate::parse::attributes::{named, once, text, unknown};
use crate::version::Version;

pub(super) fn parse(input: &DeriveInput) -> syn::Result<Class> {
    let fields = match &input.data {
        Data::Struct(data) => &data.fields,
        _ => return Err(not_a_struct(input)),
    };
    let syn::Fields::Named(fields) = fields else {
        return Err(not_a_struct(input));
    };
    let mut errors = Errors::default();
    if !input.generics.params.is_empty() {
        let message = "a VersionedObject is not generic: each class has one name and its fields";
        errors.push(syn::Error::new_spanned(&input.generics, message));
    }
    let keys = errors
        .note(ClassKeys::parse(&input.attrs))
        .unwrap_or_default();
    let mut header = None;
    let mut parsed = Vec::new();
    for field in &fields.named {
        match errors.note(parse_field(field)) {
            Some(Member::Header(ident)) if header.is_some() => {
                errors.at(ident.span(), "another field is the header already");
            }
            Some(Member::Header(ident)) => header = Some(ident),
            Some(Member::Field(field)) => parsed.push(*field),
            None => {}
        }
    }
    let mut required = |value: Option<()>, message: &str| {
        if value.is_none() {
            errors.at(input.ident.span(), message);
        }
    };
    required(
        keys.name.as_ref().map(drop),
        "which class is it? Write `#[object(name = \"…\")]`, the name in Python",
    );
    required(
        keys.version.as_ref().map(drop),
        "which version is it? Write `#[object(version = \"1.0\")]`",
    );
    required(
        keys.namespace.as_ref().map(drop),
        "whose objects are they? Write `#[object(namespace = NOVA)]`, a `SerialNamespace`",
    );
    required(
        header.as_ref().map(drop),
        "an object needs a field `#[object(header)] header: Header`",
    );
    if let Some(version) = &keys.version {
        check_since(&parsed, version, &mut errors);
    }
    let (Some(name), Some(version), Some(namespace), Some(header)) =
        (keys.name, keys.version, keys.namespace, header)
    else {
        // Each of them was noted.
        return errors.finish(()).and_then(|()| Err(not_a_struct(input)));
    };
    errors.finish(Class {
        ident: input.ident.clone(),
        krate: keys
            .krate
            .unwrap_or_else(|| syn::parse_quote!(::bergen_openstack)),
        name,
        version,
        namespace,
        make_compatible: keys.make_compatible,
        list: keys.list.is_some(),
        absent_defaults: keys.absent_defaults.is_some(),
        header,
        fields: parsed,
    })
}

/// `#[object(…)]` on the struct.
#[derive(Default)]
struct ClassKeys {
    krate: Option<Path>,
    name: Option<LitStr>,
    version: Option<Version>,
    namespace: Option<Path>,
    make_compatible: Option<Path>,
    list: Option<()>,
    absent_defaults: Option<()>,
}

impl ClassKeys {
    fn parse(attributes: &[Attribute]) -> syn::Result<Self> {
        let mut keys = Self::default();
        each_key(attributes, |meta| {
            if meta.path.is_ident("name") {
                once(&mut keys.name, meta, named(meta)?)
            } else if meta.path.is_ident("version") {
                once(&mut keys.version, meta, Version::parse(text(meta)?)?)
            } else if meta.path.is_ident("namespace") {
                once(&mut keys.namespace, meta, path(meta)?)
            } else if meta.path.is_ident("make_compatible") {
                once(&mut keys.make_compatible, meta, path(meta)?)
            } else if meta.path.is_ident("list") {
                once(&mut keys.list, meta, ())
            } else if meta.path.is_ident("absent_defaults") {
                once(&mut keys.absent_defaults, meta, ())
            } else if meta.path.is_ident("crate") {
                once(&mut keys.krate, meta, path(meta)?)
            } else {
                Err(unknown(
                    meta,
                    "an object takes `name`, `version`, `namespace`, `list`, `absent_defaults`, `make_compatible` and \
                     `crate`",
                ))
            }
        })?;
        Ok(keys)
    }
}

enum Member {
    Header(Ident),
    Field(Box<Field>),
}

fn parse_field(field: &syn::Field) -> syn::Result<Member> {
    let (mut header, mut name, mut since) = (None, None, None);
    let (mut default, mut relationships) = (None, None);
    each_key(&field.attrs, |meta| {
        if meta.path.is_ident("header") {
            once(&mut header, meta, ())
        } else if meta.path.is_ident("name") {
            once(&mut name, meta, named(meta)?)
        } else if meta.path.is_ident("since") {
            once(&mut since, meta, Version::parse(text(meta)?)?)
        } else if meta.path.is_ident("default") {
            once(&mut default, meta, meta.value()?.parse::<Expr>()?)
        } else if meta.path.is_ident("relationships") {
            once(&mut relationships, meta, pairs(meta)?)
        } else {
            Err(unknown(
                meta,
                "a field takes `name`, `since`, `default`, `relationships`, and one of them is the `header`",
            ))
        }
    })?;
    let Some(ident) = field.ident.clone() else {
        return Err(syn::Error::new_spanned(
            field,
            "a field of an object has a name",
        ));
    };
    if header.is_some() {
        return Ok(Member::Header(ident));
    }
    Ok(Member::Field(Box::new(Field {
        name: name.unwrap_or_else(|| LitStr::new(&ident.unraw().to_string(), ident.span())),
        ident,
        ty: field.ty.clone(),
        since,
        default,
        relationships: relationships.unwrap_or_default(),
    })))
}

/// A field is not newer than its class.
fn check_since(fields: &[Field], version: &Version, errors: &mut Errors) {
    for since in fields.iter().filter_map(|field| field.since.as_ref()) {
        if !version.serves(since) {
            let message = format!(
                "the class is of version {}: a field is not newer, and not of another major",
                version.text.value()
            );
            errors.at(since.span(), message);
        }
    }
}

/// Runs `read` on each key of each `#[object(…)]`.
fn each_key(
    attributes: &[Attribute],
    mut read: impl FnMut(&ParseNestedMeta<'_>) -> syn::Result<()>,
) -> syn::Result<()> {
    let ours = attributes
        .iter()
        .filter(|attribute| attribute.path().is_ident("object"));
    for attribute in ours {
        attribute.parse_nested_meta(|meta| read(&meta))?;
    }
    Ok(())
}

fn path(meta: &ParseNestedMeta<'_>) -> syn::Result<Path> {
    meta.value()?.call(Path::parse_mod_style)
}

/// `[("1.1", "1.0"), …]`.
fn pairs(meta: &ParseNestedMeta<'_>) -> syn::Result<Vec<(Version, Version)>> {
    let value = meta.value()?;
    let items;
    syn::bracketed!(items in value);
    let pair = |input: syn::parse::ParseStream<'_>| {
        let pair;
        syn::parenthesized!(pair in input);
        let parent = Version::parse(pair.parse()?)?;
        pair.parse::<Token![,]>()?;
        Ok((parent, Version::parse(pair.parse()?)?))
    };
    let pairs: Punctuated<_, Token![,]> = items.parse_terminated(pair, Token![,])?;
    Ok(pairs.into_iter().collect())
}

fn not_a_struct(input: &DeriveInput) -> syn::Error {
    let message = "VersionedObject is derived for a struct with named fields, one for each field of the class";
    syn::Error::new_spanned(&input.ident, message)
}
