package main

import (
	"encoding/json"
	"fmt"
	"os"
	"strings"

	"gopkg.in/yaml.v3"
)

type cluster struct {
	Endpoint         string `json:"endpoint" yaml:"endpoint"`
	AuthUser         string `json:"auth_user,omitempty" yaml:"auth_user,omitempty"`
	AuthPassword     string `json:"auth_password,omitempty" yaml:"auth_password,omitempty"`
	OIDCAccountName  string `json:"oidc_account_name,omitempty" yaml:"oidc_account_name,omitempty"`
	OIDCRefreshToken string `json:"oidc_refresh_token,omitempty" yaml:"oidc_refresh_token,omitempty"`
	SSLVerify        bool   `json:"ssl_verify" yaml:"ssl_verify"`
	Memory           string `json:"memory" yaml:"memory"`
	LogLevel         string `json:"log_level" yaml:"log_level"`
}

type config struct {
	Oscar   map[string]*cluster `json:"oscar" yaml:"oscar"`
	Default string              `json:"default,omitempty" yaml:"default,omitempty"`
}

// Reads a configuration into typed fields, as the reference client does; prints it, and writes it again.
func main() {
	path := os.Args[1]
	data, err := os.ReadFile(path)
	if err != nil {
		panic(err)
	}
	var found config
	isYAML := strings.HasSuffix(path, ".yaml") || strings.HasSuffix(path, ".yml")
	if isYAML {
		err = yaml.Unmarshal(data, &found)
	} else {
		err = json.Unmarshal(data, &found)
	}
	if err != nil {
		panic(err)
	}
	shown, _ := json.Marshal(found)
	fmt.Println(string(shown))
	written, _ := yaml.Marshal(found)
	if !isYAML {
		written, _ = json.MarshalIndent(found, "", "  ")
	}
	if err := os.WriteFile(path, written, 0o600); err != nil {
		panic(err)
	}
}
