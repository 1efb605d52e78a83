//! From the enum to the description.

use proc_macro2::Span;
use quote::format_ident;
use syn::ext::IdentExt;
use syn::{Attribute, Data, DeriveInput, LitStr, Path};

use super::{Failures, Field, Fields, Variant, VariantKind};
use crate::errors::Errors;
use crate::parse::attributes::{each_key, named, once, text, unknown};

pub(super) fn parse(input: &DeriveInput) -> syn::Result<Failures> {
    let Data::Enum(data) = &input.data else {
        let message = "RpcError is derived for an enum: one variant for each remote exception";
        return Err(syn::Error::new_spanned(&input.ident, message));
    };
    let mut errors = Errors::default();
    if !input.generics.params.is_empty() {
        let message =
            "an RpcError is not generic, since a message carries no types: write concrete types";
        errors.push(syn::Error::new_spanned(&input.generics, message));
    }
    if data.variants.is_empty() {
        let message = "an enum without variants has no error to tell: add one, or use `Infallible`";
        errors.push(syn::Error::new_spanned(&input.ident, message));
    }
    let container = Container::parse(&input.attrs)?;
    let mut variants = Vec::new();
    for variant in &data.variants {
        variants.extend(errors.note(parse_variant(variant, &container)));
    }
    check_classes(&variants, &mut errors);
    let display = messages(&variants, &mut errors);
    errors.finish(Failures {
        ident: input.ident.clone(),
        krate: container
            .krate
            .unwrap_or_else(|| syn::parse_quote!(::bergen)),
        display,
        variants,
    })
}

/// Whether the variants say their messages here. It is all or none, so that it is plain who writes `Display`.
fn messages(variants: &[Variant], errors: &mut Errors) -> bool {
    let said = |variant: &Variant| match &variant.kind {
        VariantKind::Exception { message, .. } => Some(message.is_some()),
        VariantKind::Transparent(_) => None,
    };
    let any = variants.iter().any(|variant| said(variant) == Some(true));
    let silent = variants
        .iter()
        .filter(|variant| said(variant) == Some(false));
    for variant in silent.clone().filter(|_| any) {
        let message = format!(
            "other variants have a `message` and `{}` has none: give it one, or drop them all and implement Display",
            variant.ident
        );
        errors.at(variant.ident.span(), message);
    }
    silent.count() == 0
}

/// `#[rpc(…)]` on the enum.
#[derive(Default)]
struct Container {
    krate: Option<Path>,
    module: Option<LitStr>,
}

impl Container {
    fn parse(attributes: &[Attribute]) -> syn::Result<Self> {
        let mut container = Self::default();
        each_key(attributes, |meta| {
            if meta.path.is_ident("module") {
                once(&mut container.module, meta, named(meta)?)
            } else if meta.path.is_ident("crate") {
                let path = meta.value()?.call(Path::parse_mod_style)?;
                once(&mut container.krate, meta, path)
            } else {
                Err(unknown(meta, "an error enum takes `module` and `crate`"))
            }
        })?;
        Ok(container)
    }
}

/// `#[rpc(…)]` on a variant.
#[derive(Default)]
struct VariantKeys {
    module: Option<LitStr>,
    class: Option<LitStr>,
    message: Option<LitStr>,
    expected: Option<()>,
    transparent: Option<()>,
}

impl VariantKeys {
    fn parse(attributes: &[Attribute]) -> syn::Result<Self> {
        let mut keys = Self::default();
        each_key(attributes, |meta| {
            if meta.path.is_ident("module") {
                once(&mut keys.module, meta, named(meta)?)
            } else if meta.path.is_ident("class") {
                once(&mut keys.class, meta, named(meta)?)
            } else if meta.path.is_ident("message") {
                once(&mut keys.message, meta, text(meta)?)
            } else if meta.path.is_ident("expected") {
                once(&mut keys.expected, meta, ())
            } else if meta.path.is_ident("transparent") {
                once(&mut keys.transparent, meta, ())
            } else {
                Err(unknown(
                    meta,
                    "a variant takes `module`, `class`, `message`, `expected` and `transparent`",
                ))
            }
        })?;
        Ok(keys)
    }
}

fn parse_variant(variant: &syn::Variant, container: &Container) -> syn::Result<Variant> {
    let keys = VariantKeys::parse(&variant.attrs)?;
    let kind = if keys.transparent.is_some() {
        transparent(variant, &keys)?
    } else {
        let module = keys.module.or_else(|| container.module.clone()).ok_or_else(|| {
            let message = format!(
                "which Python module is `{}` from? Write `#[rpc(module = \"…\")]` on the enum or on the variant",
                variant.ident
            );
            syn::Error::new(variant.ident.span(), message)
        })?;
        VariantKind::Exception {
            module,
            class: keys.class.unwrap_or_else(|| ident_text(&variant.ident)),
            message: keys.message,
            expected: keys.expected.is_some(),
            fields: fields(&variant.fields)?,
        }
    };
    let cfgs = variant
        .attrs
        .iter()
        .filter(|attribute| attribute.path().is_ident("cfg"));
    Ok(Variant {
        ident: variant.ident.clone(),
        cfgs: cfgs.cloned().collect(),
        kind,
    })
}

fn transparent(variant: &syn::Variant, keys: &VariantKeys) -> syn::Result<VariantKind> {
    if keys.module.is_some()
        || keys.class.is_some()
        || keys.message.is_some()
        || keys.expected.is_some()
    {
        let message =
            "a transparent variant speaks with its inner error's words: drop the other keys";
        return Err(syn::Error::new_spanned(variant, message));
    }
    let mut fields = match &variant.fields {
        syn::Fields::Unnamed(unnamed) => unnamed.unnamed.iter().collect(),
        _ => Vec::new(),
    };
    if let (Some(inner), true) = (fields.pop(), fields.is_empty()) {
        return Ok(VariantKind::Transparent(Box::new(inner.ty.clone())));
    }
    let message = format!(
        "a transparent variant holds exactly one other RpcError: `{}(OtherError)`",
        variant.ident
    );
    Err(syn::Error::new_spanned(variant, message))
}

fn fields(fields: &syn::Fields) -> syn::Result<Fields> {
    match fields {
        syn::Fields::Unit => Ok(Fields::None),
        syn::Fields::Named(named) => {
            let fields = named.named.iter().filter_map(|field| {
                let ident = field.ident.clone()?;
                Some(field_name(field).map(|name| Field {
                    name: name.unwrap_or_else(|| ident_text(&ident)),
                    ident,
                    ty: field.ty.clone(),
                }))
            });
            Ok(Fields::Named(fields.collect::<syn::Result<_>>()?))
        }
        syn::Fields::Unnamed(unnamed) => {
            let fields = unnamed.unnamed.iter().enumerate().map(|(position, field)| {
                if let Some(name) = field_name(field)? {
                    let message =
                        "a field without a name is a positional argument: it takes no `name`";
                    return Err(syn::Error::new(name.span(), message));
                }
                let ident = format_ident!("field_{position}", span = Span::call_site());
                Ok(Field {
                    name: ident_text(&ident),
                    ident,
                    ty: field.ty.clone(),
                })
            });
            Ok(Fields::Positional(fields.collect::<syn::Result<_>>()?))
        }
    }
}

/// `#[rpc(name = "…")]` on a field.
fn field_name(field: &syn::Field) -> syn::Result<Option<LitStr>> {
    let mut name = None;
    each_key(&field.attrs, |meta| {
        if meta.path.is_ident("name") {
            once(&mut name, meta, named(meta)?)
        } else {
            Err(unknown(meta, "a field takes `name`"))
        }
    })?;
    Ok(name)
}

/// A failure names one module and class, so no two variants may share them.
fn check_classes(variants: &[Variant], errors: &mut Errors) {
    let mut seen = Vec::new();
    for variant in variants {
        if let VariantKind::Exception { module, class, .. } = &variant.kind {
            let pair = (module.value(), class.value());
            if variant.cfgs.is_empty() && seen.contains(&pair) {
                let message = format!(
                    "another variant is `{}.{}` already: give this one its own `class`",
                    pair.0, pair.1
                );
                errors.at(variant.ident.span(), message);
            }
            seen.push(pair);
        }
    }
}

fn ident_text(ident: &syn::Ident) -> LitStr {
    LitStr::new(&ident.unraw().to_string(), ident.span())
}
