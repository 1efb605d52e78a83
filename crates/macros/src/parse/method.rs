//! One method: its `#[rpc]` keys and its signature, brought together.

use syn::ext::IdentExt;
use syn::{Attribute, LitStr, Path, PathArguments, Signature, Type};

use super::attributes::MethodKeys;
use super::signature;
use crate::api::{Expected, Kind, Method, Returns, Settings};
use crate::errors::Errors;

/// Reads one method, noting everything that is wrong with it.
pub(crate) fn parse(
    attributes: &[Attribute],
    sig: &Signature,
    settings: &Settings,
    errors: &mut Errors,
) -> Option<Method> {
    let keys = errors.note(MethodKeys::parse(attributes));
    signature::check(sig, errors);
    let (context, arguments) = signature::parameters(sig, errors);
    let returns = signature::returns(sig, errors);
    let keys = keys?;
    let name = keys
        .name
        .unwrap_or_else(|| LitStr::new(&sig.ident.unraw().to_string(), sig.ident.span()));
    if let (Some(version), Some(api)) = (&keys.version, &settings.version)
        && !api.serves(version)
    {
        let message = format!(
            "`{}` is not served by an API of version {}: raise the API's version, or lower the method's",
            version.text.value(),
            api.text.value()
        );
        errors.at(version.span(), message);
    }
    let expected = errors.note(expected(keys.expected, &returns, sig))?;
    Some(Method {
        ident: sig.ident.clone(),
        name,
        version: keys.version,
        kind: kind(keys.cast.as_ref(), &returns, errors),
        docs: of_kind(attributes, "doc"),
        cfgs: of_kind(attributes, "cfg"),
        context,
        arguments,
        returns,
        expected,
    })
}

/// Two methods of one API may not have the same name on the wire.
pub(crate) fn check_names(methods: &[Method], errors: &mut Errors) {
    for (position, method) in methods.iter().enumerate() {
        let name = method.name.value();
        // Two methods under opposite `cfg`s may share a name; the compiler never sees both.
        let earlier = methods
            .iter()
            .take(position)
            .any(|other| other.name.value() == name && other.cfgs.is_empty());
        if earlier && method.cfgs.is_empty() {
            let message = format!(
                "`{name}` is already a method of this API: give one of the two another wire name with `#[rpc(name = \"…\")]`"
            );
            errors.at(method.name.span(), message);
        }
    }
}

fn kind(cast: Option<&Path>, returns: &Returns, errors: &mut Errors) -> Kind {
    let Some(word) = cast else {
        return Kind::Call;
    };
    if let Returns::Value(ty) | Returns::Result { ty, .. } = returns {
        let message = "nobody waits for the answer of a cast: drop the return type, or drop `cast`";
        errors.push(syn::Error::new_spanned(ty, message));
        errors.push(syn::Error::new_spanned(
            word,
            "the method is a cast because of this",
        ));
    }
    Kind::Cast
}

/// Single words are variants of the method's error type.
fn expected(
    expected: Option<Expected>,
    returns: &Returns,
    sig: &Signature,
) -> syn::Result<Expected> {
    let variants = match expected {
        None => return Ok(Expected::None),
        Some(Expected::All | Expected::None) => Vec::new(),
        Some(Expected::Variants(variants)) => variants,
    };
    if !matches!(returns, Returns::Result { .. }) {
        let message = "`expected` speaks of errors: let the method return a `Result`";
        return Err(syn::Error::new(sig.ident.span(), message));
    }
    if variants.is_empty() {
        return Ok(Expected::All);
    }
    let full = variants
        .into_iter()
        .map(|variant| full_variant(variant, error_type(returns)));
    Ok(Expected::Variants(full.collect::<syn::Result<_>>()?))
}

fn full_variant(variant: Path, error: Option<&Type>) -> syn::Result<Path> {
    if variant.get_ident().is_none() {
        return Ok(variant);
    }
    match error {
        Some(Type::Path(error)) if error.qself.is_none() => {
            let mut path = error.path.clone();
            // A pattern infers the type's parameters and has no syntax for `Error<T>::Variant`.
            for segment in &mut path.segments {
                segment.arguments = PathArguments::None;
            }
            path.segments.extend(variant.segments);
            Ok(path)
        }
        _ => Err(syn::Error::new_spanned(
            &variant,
            "the return type does not spell out the error: write the variant with its type, as in `expected(MyError::NotFound)`",
        )),
    }
}

fn error_type(returns: &Returns) -> Option<&Type> {
    match returns {
        Returns::Result {
            parts: Some(parts), ..
        } => Some(&parts.1),
        _ => None,
    }
}

fn of_kind(attributes: &[Attribute], kind: &str) -> Vec<Attribute> {
    let of_kind = attributes
        .iter()
        .filter(|attribute| attribute.path().is_ident(kind));
    of_kind.cloned().collect()
}
