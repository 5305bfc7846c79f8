# Makes of ktlsd.service a template for other network namespaces: ktlsd@NAME.service serves
# /run/netns/NAME. systemd enters the namespace, so that ktlsd needs no CAP_SYS_ADMIN.
s/^Description=.*/& in the network namespace %i/
/^\[Unit\]/a AssertPathExists=/run/netns/%i
/^\[Service\]/a NetworkNamespacePath=/run/netns/%i
/^ExecStart=/s/$/ --netns=%i/
/^ExecReload=/s/$/ --control \/run\/ktlsd-%i\/control/
s/^RuntimeDirectory=.*/&-%i/
