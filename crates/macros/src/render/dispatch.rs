//! `impl Endpoint`: the target, the table, and one arm for each method.

use proc_macro2::{Ident, Span, TokenStream};
use quote::{format_ident, quote, quote_spanned};
use syn::spanned::Spanned;
use syn::{Path, Type};

use super::table;
use crate::api::{Api, Argument, Expected, Method, Presence, Returns};

/// The type that gets the `impl Endpoint`.
pub(crate) struct Handler {
    pub(crate) ty: TokenStream,
    /// Its name as it stands in Python's argument errors: `Compute.reboot() missing …`.
    pub(crate) name: String,
    pub(crate) generics: syn::Generics,
    /// What has the methods: `self`, or a field of it.
    pub(crate) receiver: TokenStream,
}

pub(crate) fn render(api: &Api, handler: &Handler) -> TokenStream {
    let krate = &api.settings.krate;
    let ty = &handler.ty;
    let (impl_generics, _, where_clause) = handler.generics.split_for_impl();
    let target = table::endpoint_target(api);
    let methods = table::methods(api);
    let arms = api.methods.iter().map(|method| arm(krate, handler, method));
    quote! {
        #[automatically_derived]
        impl #impl_generics #krate::rpc::Endpoint for #ty #where_clause {
            fn target(&self) -> #krate::target::EndpointTarget {
                #target
            }

            fn methods(&self) -> &[#krate::rpc::MethodInfo] {
                const METHODS: &[#krate::rpc::MethodInfo] = #methods;
                METHODS
            }

            fn dispatch<'a>(
                &'a self,
                method: &'a str,
                call: #krate::rpc::Call,
            ) -> ::core::pin::Pin<::std::boxed::Box<
                dyn ::core::future::Future<Output = #krate::rpc::MethodResult> + ::core::marker::Send + 'a
            >> {
                match method {
                    #(#arms)*
                    _ => ::std::boxed::Box::pin(async move {
                        ::core::result::Result::Err(#krate::rpc::MethodError::no_such_method(method))
                    }),
                }
            }
        }
    }
}

fn arm(krate: &Path, handler: &Handler, method: &Method) -> TokenStream {
    let Method {
        ident, name, cfgs, ..
    } = method;
    let receiver = &handler.receiver;
    let shown = format!("{}.{}", handler.name, name.value());
    let parameters = method
        .arguments
        .iter()
        .map(|argument| parameter(krate, argument));
    let takes = method.arguments.iter().enumerate().map(take);
    let context = method.context.iter().map(|_| quote!(&call.context));
    let values = method
        .arguments
        .iter()
        .enumerate()
        .map(|(position, argument)| {
            let local = local(position);
            if matches!(argument.ty, Type::Reference(_)) {
                quote!(&#local)
            } else {
                quote!(#local)
            }
        });
    let inputs = context.chain(values);
    // In the return type's place, so that one that can't be sent is complained about there.
    let span = method.returns.span_or(method.span());
    let answer = quote_spanned!(span=> #receiver.#ident(#(#inputs),*).await);
    let outcome = outcome(krate, method, &answer);
    quote! {
        #(#cfgs)*
        #name => ::std::boxed::Box::pin(async move {
            const PARAMETERS: &[#krate::rpc::Parameter] = &[#(#parameters),*];
            #[allow(unused_mut, unused_variables)]
            let mut arguments = call.bind(#shown, PARAMETERS)?;
            #(#takes)*
            #outcome
        }),
    }
}

fn parameter(krate: &Path, argument: &Argument) -> TokenStream {
    let name = &argument.name;
    match argument.presence {
        Presence::Required => quote!(#krate::rpc::Parameter::required(#name)),
        Presence::Default | Presence::DefaultTo(_) => {
            quote!(#krate::rpc::Parameter::optional(#name))
        }
    }
}

/// One argument out of the message, into a local of its own type.
fn take((position, argument): (usize, &Argument)) -> TokenStream {
    let Argument {
        name, ty, presence, ..
    } = argument;
    let local = local(position);
    let owned = if let Type::Reference(reference) = ty {
        let lent = &reference.elem;
        quote_spanned!(ty.span()=> <#lent as ::std::borrow::ToOwned>::Owned)
    } else {
        quote!(#ty)
    };
    // The span is the type's, so that a type that can't be decoded is complained about in its place.
    let value = match presence {
        Presence::Required => quote_spanned!(ty.span()=> arguments.take(#name)?),
        Presence::Default => {
            quote_spanned!(ty.span()=> arguments.take_or(#name, ::core::default::Default::default)?)
        }
        Presence::DefaultTo(default) => {
            quote_spanned!(ty.span()=> arguments.take_or(#name, || #default)?)
        }
    };
    quote!(let #local: #owned = #value;)
}

/// Locals of the generated code can't meet names of the program, which a default may mention.
fn local(position: usize) -> Ident {
    format_ident!("argument_{position}", span = Span::mixed_site())
}

fn outcome(krate: &Path, method: &Method, answer: &TokenStream) -> TokenStream {
    let name = &method.name;
    let span = method.returns.span_or(method.span());
    let result = match method.returns {
        Returns::Result { .. } => quote!(#answer),
        Returns::Nothing | Returns::Value(_) => quote_spanned! {span=>
            ::core::result::Result::<_, ::core::convert::Infallible>::Ok(#answer)
        },
    };
    let expected = match &method.expected {
        Expected::None => {
            return quote_spanned!(span=> #krate::rpc::method_result(#name, #result));
        }
        Expected::All => quote!(|_| true),
        Expected::Variants(variants) => {
            quote!(|error| ::core::matches!(error, #(#variants { .. })|*))
        }
    };
    quote_spanned!(span=> #krate::rpc::method_result_expecting(#name, #result, #expected))
}
