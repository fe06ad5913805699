# Deleting audit indices needs a second person: the credential that may do it is given out by Vault only
# when a member of audit-approvers has authorised the request (control groups are Vault Enterprise).
path "elasticsearch/creds/audit-deletion" {
  capabilities = ["read"]
  control_group = {
    factor "second-operator" {
      identity {
        group_names = ["audit-approvers"]
        approvals   = 1
      }
    }
  }
}
