//! `#[notifications]`: an impl block with a method for each priority, or type of event, that is listened for.

mod event;

use proc_macro2::{Span, TokenStream};
use quote::quote;
use syn::ext::IdentExt;
use syn::{FnArg, Ident, ImplItem, ImplItemFn, Item, ItemImpl, Path, ReceiverKind};

use crate::errors::Errors;
use crate::parse::attributes::{once, unknown};
use event::{EventMethod, is_mark};

/// The priorities, as their methods are called, with their names in `Priority`.
const PRIORITIES: [(&str, &str); 7] = [
    ("audit", "Audit"),
    ("debug", "Debug"),
    ("info", "Info"),
    ("warn", "Warn"),
    ("error", "Error"),
    ("critical", "Critical"),
    ("sample", "Sample"),
];

pub(crate) fn expand(settings: TokenStream, item: TokenStream) -> TokenStream {
    let mut item = match syn::parse2(item) {
        Ok(Item::Impl(item)) => item,
        Ok(other) => {
            let message = "#[notifications] stands on the impl block of a type: `impl Meter { … }`";
            let error = syn::Error::new_spanned(&other, message).into_compile_error();
            return quote!(#other #error);
        }
        Err(error) => return error.into_compile_error(),
    };
    let generated = match render(settings, &item) {
        Ok(generated) => generated,
        Err(errors) => errors.into_compile_error(),
    };
    for function in item.items.iter_mut().filter_map(function_mut) {
        let is_marked = function.attrs.iter().any(is_mark);
        function.attrs.retain(|attribute| !is_mark(attribute));
        if is_marked || priority(function).is_some() {
            // It is async because these methods are, whether it awaits or not.
            function
                .attrs
                .push(syn::parse_quote!(#[allow(clippy::unused_async)]));
        }
    }
    quote!(#item #generated)
}

fn render(settings: TokenStream, item: &ItemImpl) -> syn::Result<TokenStream> {
    let krate = parse_settings(settings)?;
    let mut errors = Errors::default();
    if let Some((path, _)) = &item.trait_ {
        let message =
            "#[notifications] stands on an inherent impl: it writes the one of the trait itself";
        errors.push(syn::Error::new_spanned(path, message));
    }
    let methods: Vec<_> = item.items.iter().filter_map(method).collect();
    for (function, _) in &methods {
        // One that is marked says what is wrong itself.
        if !function.attrs.iter().any(is_mark) {
            check(function, &["event: &ReceivedEvent"], &mut errors);
        }
    }
    let events = EventMethod::all(item.items.iter().filter_map(function), &mut errors);
    if methods.is_empty() && events.is_empty() {
        let message = "this endpoint takes no notifications: give it a method called audit, debug, info, warn, error, \
                       critical or sample, or one under `#[event(…)]`";
        errors.push(syn::Error::new_spanned(&item.self_ty, message));
    }
    errors.finish(())?;
    let notify = quote!(#krate::notify);
    let variants: Vec<_> = methods.iter().map(|(_, priority)| priority).collect();
    let arms = methods.iter().map(|(function, priority)| {
        let name = &function.sig.ident;
        quote!(#notify::Priority::#priority => #notify::Handled::of(Self::#name(self, event).await),)
    });
    let (event_priorities, answers, wanted): (Vec<_>, Vec<_>, Vec<_>) = events
        .iter()
        .map(|event| (event.priority(), event.answer(&notify), event.wants()))
        .collect();
    let filter = item
        .items
        .iter()
        .filter_map(function)
        .find(|function| function.sig.ident == "filter")
        .map(|_| {
            quote! {
                fn filter(&self) -> ::core::option::Option<&#notify::Filter> {
                    // The type's own method.
                    ::core::option::Option::Some(Self::filter(self))
                }
            }
        });
    // Whoever has methods for priorities only gets no others anyway.
    let wants = (!wanted.is_empty()).then(|| {
        quote! {
            fn wants(&self, event: &#notify::ReceivedEvent) -> bool {
                #(event.priority() == #notify::Priority::#variants ||)* #(#wanted)||*
            }
        }
    });
    let ty = &item.self_ty;
    let (generics, _, clause) = item.generics.split_for_impl();
    Ok(quote! {
        impl #generics #notify::NotificationEndpoint for #ty #clause {
            fn priorities(&self) -> ::std::vec::Vec<#notify::Priority> {
                ::std::vec![#(#notify::Priority::#variants,)* #(#event_priorities,)*]
            }

            #filter

            #wants

            fn notify<'a>(
                &'a self,
                event: &'a #notify::ReceivedEvent,
            ) -> #krate::driver::BoxFuture<'a, ::core::result::Result<#notify::Handled, #notify::EndpointError>> {
                ::std::boxed::Box::pin(async move {
                    #(#answers)*
                    match event.priority() {
                        #(#arms)*
                        _ => ::core::result::Result::Ok(#notify::Handled::Done),
                    }
                })
            }
        }
    })
}

fn parse_settings(settings: TokenStream) -> syn::Result<Path> {
    let mut krate = None;
    let parser = syn::meta::parser(|meta| {
        if meta.path.is_ident("crate") {
            once(
                &mut krate,
                &meta,
                meta.value()?.call(Path::parse_mod_style)?,
            )
        } else {
            Err(unknown(&meta, "#[notifications] takes `crate`"))
        }
    });
    syn::parse::Parser::parse2(parser, settings)?;
    Ok(krate.unwrap_or_else(|| syn::parse_quote!(::bergen)))
}

/// Refuses a method that can't be called with these arguments after `&self`.
fn check(function: &ImplItemFn, arguments: &[&str], errors: &mut Errors) {
    let signature = &function.sig;
    if signature.asyncness.is_none() {
        let message = format!(
            "`{}` takes notifications: make it an `async fn`",
            signature.ident
        );
        errors.at(signature.ident.span(), message);
    }
    let mut inputs = signature.inputs.iter();
    let lends_self = matches!(inputs.next(), Some(FnArg::Receiver(receiver))
        if matches!(receiver.kind, ReceiverKind::Reference(_, _, None)));
    if !lends_self || inputs.len() != arguments.len() {
        let message = format!(
            "`{}` takes notifications: its arguments are `&self, {}`",
            signature.ident,
            arguments.join(", ")
        );
        errors.at(signature.ident.span(), message);
    }
}

fn method(item: &ImplItem) -> Option<(&ImplItemFn, Ident)> {
    let function = function(item)?;
    Some((function, priority(function)?))
}

fn function(item: &ImplItem) -> Option<&ImplItemFn> {
    match item {
        ImplItem::Fn(function) => Some(function),
        _ => None,
    }
}

fn function_mut(item: &mut ImplItem) -> Option<&mut ImplItemFn> {
    match item {
        ImplItem::Fn(function) => Some(function),
        _ => None,
    }
}

fn priority(function: &ImplItemFn) -> Option<Ident> {
    let name = function.sig.ident.unraw().to_string();
    let (_, variant) = PRIORITIES.into_iter().find(|(method, _)| *method == name)?;
    Some(Ident::new(variant, Span::call_site()))
}

#[cfg(test)]
mod tests;
